import type { Backend } from '../backend';

const specs = new WeakMap<Backend, string>();

/** Remembers what the user wrote to get this backend, for the line that replays a finding. */
export function rememberSpec(backend: Backend, spec: string): Backend {
  specs.set(backend, spec);
  return backend;
}

/** What the user wrote, or the backend's name where it came from a program. */
export function specOf(backend: Backend): string {
  return specs.get(backend) ?? backend.name;
}
