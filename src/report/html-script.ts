/** All that the page does beside being read: it copies commands, and takes what need not be scrolled out of the keyboard's way. Without it the page says the same. */
export const script = `
const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
    else target.removeAttribute('tabindex');
  }
});
for (const area of document.querySelectorAll('.scroll, .message, .summary')) watcher.observe(area);
const said = document.getElementById('said');
for (const button of document.querySelectorAll('button.copy')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const command = button.previousElementSibling;
    let word = 'Copied';
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch {
      getSelection().selectAllChildren(command);
      word = 'Selected';
    }
    button.textContent = word;
    said.textContent = word === 'Copied' ? 'The command was copied.' : 'The command is selected: copy it now.';
    setTimeout(() => { button.textContent = 'Copy'; said.textContent = ''; }, 2000);
  });
}
`;
