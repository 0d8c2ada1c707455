"""Installed distributions that were never built, for the tests of what a package carries."""


def install(package, name, version="1.0", *, metadata=(), files=None):
    """Writes a distribution into the folder ``package``, with these lines of metadata and files (path to text), as pip lays it out."""
    info = f"{name}-{version}.dist-info"
    content = {f"{info}/METADATA": "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata, "", ""]),
               **{path.format(info=info): text for path, text in (files or {f"{name}.py": ""}).items()}}  # fmt: skip
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    for path, text in content.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
