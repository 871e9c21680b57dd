"""Runs a worker's file: python run_worker.py FILE.py [NAME]

Standard output belongs to the frames, so it is taken away before the file's first line runs: whatever the library
under test prints goes to standard error.
"""
import os
import sys

if sys.version_info < (3, 9):
    sys.exit("A maskproof worker needs Python 3.9 or newer, and this is " + sys.version.split()[0] + ".")

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    file = os.path.abspath(sys.argv[1])
    sys.argv = [file] + sys.argv[2:]
    # As if the file had been run by itself, with maskproof_worker at hand. Our own folder stays out of the path: modules
    # there have the names of packages.
    folder = os.path.dirname(file)
    sys.path[:1] = [HERE] if folder == os.path.join(HERE, "maskproof_worker") else [folder, HERE]

    import maskproof_worker  # noqa: F401  takes standard output away
    import runpy

    runpy.run_path(file, run_name="__main__")


main()
