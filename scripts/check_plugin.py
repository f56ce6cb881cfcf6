#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a library that cannot be opened here, because it needs a GPU's libraries, by its tables of symbols.

Usage: scripts/check_plugin.py LIBRARY SYMBOL...
LIBRARY must export each SYMBOL and nothing else that is ours; the libraries that it is linked with must be here, and one of
them must export each symbol that it lacks, in the version asked for. Prints one line for each offence; the status is 1 if
there is any.
"""
import os
import re
import subprocess
import sys


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def dynamic(library):
    """(libraries that it is linked with, folders to find them in)"""
    text = run("readelf", "--dynamic", "--wide", library)
    needed = re.findall(r"\(NEEDED\).*\[(.+?)\]", text)
    folders = [f for paths in re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*?)\]", text) for f in paths.split(":") if f]
    origin = os.path.dirname(os.path.realpath(library))
    return needed, [f.replace("$ORIGIN", origin) for f in folders]


def system_libraries():
    """name -> path, of the loader's cache."""
    found = {}
    for line in run("/sbin/ldconfig", "-p").splitlines():
        match = re.match(r"\s+(\S+) \(.*=> (\S+)$", line)
        if match:
            found.setdefault(match.group(1), match.group(2))
    return found


def symbols(library, which):
    """name -> versions ("" where there is none), of those that are defined (or not)."""
    names = {}
    for line in run("nm", "--dynamic", f"--{which}-only", library).splitlines():
        kind, name = line.split()[-2:]
        if which == "undefined" and kind in "wv":
            continue  # weak ones may be missing
        name, _, version = name.replace("@@", "@").partition("@")
        names.setdefault(name, set()).add(version)
    return names


def exports_of(names, folders):
    """(name -> versions of all libraries found, those not found)"""
    exported, missing, system = {}, [], system_libraries()
    for name in names:
        paths = [path for path in (os.path.join(folder, name) for folder in folders) if os.path.exists(path)]
        path = paths[0] if paths else system.get(name)
        if path is None:
            missing.append(name)
            continue
        for symbol, versions in symbols(path, "defined").items():
            exported.setdefault(symbol, set()).update(versions)
    return exported, missing


def offences(library, wanted):
    needed, folders = dynamic(library)
    exported, missing = exports_of(needed, folders)
    for name in missing:
        yield f"is linked with {name}, which is not here"
    for symbol, versions in sorted(symbols(library, "undefined").items()):
        if symbol not in exported:
            yield f"lacks {symbol}, which none of {', '.join(needed)} exports"
        for version in versions - {""} - exported.get(symbol, versions):
            yield f"lacks {symbol} in version {version}"
    own = symbols(library, "defined")
    for symbol in wanted:
        if symbol not in own:
            yield f"does not export {symbol}"
    for symbol in sorted(set(own) - set(wanted)):
        if re.match(r"_Z(N|NK|TI|TS|TV)?2zc|zc_", symbol) and not re.match(r"_ZT[ISV]", symbol):
            yield f"exports {symbol}, which is not for others"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    library, wanted = sys.argv[1], sys.argv[2:]
    found = list(offences(library, wanted))
    for text in found:
        print(f"{os.path.basename(library)}: {text}")
    print(f"plugin: {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
