#!/usr/bin/env python3
"""Rebuilds the schema of a Terraform provider, as `terraform providers schema -json` shows it, from the
bindings for CDK Terrain that were generated from it.

usage: schema.py ARCHIVE.tgz SCHEMA.json (the archive lies in the Python package, below `_jsii`)
Not in the bindings, so not in the schema: sensitive flags, counts of blocks above one, and the provider's
own checks of values. An attribute whose type cannot be told takes any.
"""

import collections
import json
import re
import sys
import tarfile

# The generator writes the same few forms for every resource; these find them.
TO_HCL = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.M | re.S)
ENTRY = re.compile(
    r'^\s+"?([\w-]+)"?: \{\n\s+value: (.*),\n\s+isBlock: (true|false),\n'
    r'(?:\s+type: "(\w+)",\n)?(?:\s+storageClassType: "(\w+)",\n)?\s+\}',
    re.M,
)
CLASS = re.compile(r"^class (\w+) extends cdkt[fn]\.(\w+) \{\n(.*?)^\}", re.M | re.S)
COMPUTED = re.compile(
    r"// (\w+) - computed: true, optional: false, required: false\n\s*"
    r'(?:get \w+\(\) \{\n\s+return (.*);|(?:this\.)?_\w+ = new ([\w.]+)\(this, "(\w+)"(?:, (true|false))?)'
)
FLAGS = re.compile(r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)")
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", re.M | re.S)
PROPERTY = re.compile(r"^    readonly (\w+)(\?)?:", re.M)
RESOURCE_TYPE = re.compile(r'^(\w+)\.tfResourceType = "(\w+)"', re.M)
STATIC_TYPE = re.compile(r'^    static tfResourceType = "(\w+)"', re.M)
SYNTHESIS = re.compile(r"^    synthesizeHclAttributes\(\) \{\n(.*?)^    \}", re.M | re.S)
REFERENCE = re.compile(r"(?:struct\.|this\._)(\w+)")
NESTED = re.compile(r"(\w+)ToHclTerraform")
GETTER = re.compile(r"get(\w*?)Attribute\(")

PLAIN = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GOT = {"String": "string", "Number": "number", "Boolean": "bool"}
KINDS = {
    "TerraformResource": "resource_schemas",
    "TerraformDataSource": "data_source_schemas",
    "TerraformProvider": "provider",
}


def stored_type(name: str | None):
    """Returns the type that a storage class such as `stringList` stands for."""
    for suffix in ("List", "Set", "Map"):
        if name and name.endswith(suffix) and name != suffix:
            return [suffix.lower(), stored_type(name.removesuffix(suffix))]
    return PLAIN.get(name, "dynamic")


def got_type(expression: str):
    """Returns the type of what a getter reads."""
    found = GETTER.search(expression)
    kind = found.group(1) if found else ""
    outer = "set" if "tolist(" in expression else "list"
    if kind in GOT:
        return GOT[kind]
    if kind in ("List", "NumberList"):
        return [outer, "number" if kind == "NumberList" else "string"]
    if kind.endswith("Map"):
        return ["map", GOT.get(kind.removesuffix("Map"), "dynamic")]
    return "dynamic"


class Bindings:
    """The bindings of one resource, one data source or the provider."""

    def __init__(self, code: str, types: str):
        self.code = code
        self.entries = {name: ENTRY.findall(body) for name, body in TO_HCL.findall(code)}
        self.classes = {name: (base, body) for name, base, body in CLASS.findall(code)}
        self.required = {
            name: {it: mark != "?" for it, mark in PROPERTY.findall(body)} for name, body in INTERFACE.findall(types)
        }

    def top(self):
        """Yields kind, name and block of what is declared here."""
        for name, (base, body) in self.classes.items():
            static = STATIC_TYPE.search(body)
            terraform_name = static.group(1) if static else dict(RESOURCE_TYPE.findall(self.code)).get(name)
            if base not in KINDS or not terraform_name:
                continue
            found = SYNTHESIS.search(body)
            entries = ENTRY.findall(found.group(1)) if found else []
            required = self.required.get(f"{name}Config") or self.required.get(f"{name}ConfigA", {})
            attributes, blocks = self.block(entries, body, required, ())
            if base == "TerraformProvider":
                # The generator adds the word, which is Terraform's own.
                attributes.pop("alias", None)
            elif not attributes.get("id", {"required": True}).get("required"):
                attributes["id"] = {"type": "string", "optional": True, "computed": True}
            yield KINDS[base], terraform_name, {"attributes": attributes, "block_types": blocks}

    def block(self, entries, body: str, required: dict, outer: tuple):
        """Returns attributes and nested blocks."""
        attributes, blocks = {}, {}
        for name, value, is_block, kind, storage in entries:
            found = REFERENCE.search(value)
            is_required = required.get(found.group(1), False) if found else False
            if is_block == "true":
                struct = self.struct_of(value, storage)
                if struct in outer:
                    attributes[name] = {"type": "dynamic", "optional": True}
                else:
                    blocks[name] = self.nested(struct, value, kind, is_required, outer)
            else:
                of_any = "anyToHclTerraform" in value and kind != "map"
                plain = "dynamic" if of_any else stored_type(storage)
                if kind == "set" and isinstance(plain, list) and plain[0] == "list":
                    plain = ["set", plain[1]]
                attributes[name] = {"type": plain, "required" if is_required else "optional": True}
        for name, is_computed, is_optional, _ in FLAGS.findall(body):
            if name in attributes and is_computed == is_optional == "true":
                attributes[name]["computed"] = True
        for name, plain in self.computed(body, outer):
            if name not in attributes and name not in blocks:
                attributes[name] = {"type": plain, "computed": True}
        return attributes, blocks

    def struct_of(self, value: str, storage: str) -> str:
        found = NESTED.search(value)
        name = found.group(1) if found else re.sub(r"(List|Map)$", "", storage)
        return name[0].upper() + name[1:]

    def nested(self, struct: str, value: str, kind: str, is_required: bool, outer: tuple) -> dict:
        attributes, blocks = self.members(struct, outer)
        mode = {"struct": "single", "set": "set", "map": "map"}.get(kind, "list")
        out = {"nesting_mode": mode, "block": {"attributes": attributes, "block_types": blocks}}
        if mode in ("list", "set"):
            if is_required:
                out["min_items"] = 1
            if "listMapper" not in value and "hashMapper" not in value:
                out["max_items"] = 1
        return out

    def members(self, struct: str, outer: tuple):
        entries = self.entries.get(struct[0].lower() + struct[1:], [])
        _, body = self.classes.get(f"{struct}OutputReference", ("", ""))
        return self.block(entries, body, self.required.get(struct, {}), (*outer, struct))

    def computed(self, body: str, outer: tuple):
        """Yields name and type of what only the provider sets."""
        for name, expression, made, _, is_set in COMPUTED.findall(body):
            if not made:
                yield name, got_type(expression)
            elif made.startswith(("cdktf.", "cdktn.")):
                kind = made.split(".")[1]
                yield name, stored_type(kind[0].lower() + kind[1:])
            else:
                inner = self.object_type(re.sub(r"(List|Map|OutputReference)$", "", made), outer)
                outer_type = "map" if made.endswith("Map") else "set" if is_set == "true" else "list"
                yield name, inner if made.endswith("OutputReference") else [outer_type, inner]

    def object_type(self, struct: str, outer: tuple):
        """Returns the type of an attribute that holds objects."""
        if struct in outer:
            return "dynamic"
        attributes, blocks = self.members(struct, outer)
        out = {name: it["type"] for name, it in attributes.items()}
        for name, it in blocks.items():
            inner = {key: value["type"] for key, value in it["block"]["attributes"].items()}
            mode = it["nesting_mode"] if it["nesting_mode"] != "single" else "list"
            out[name] = [mode, ["object", inner]]
        return ["object", out]


def holds_any(block: dict) -> bool:
    return any("dynamic" in json.dumps(it["type"]) for it in block["attributes"].values()) or any(
        holds_any(it["block"]) for it in block["block_types"].values()
    )


def without_sets_of_any(block: dict) -> dict:
    """Turns sets of blocks that hold values of any type into lists: Terraform refuses such sets."""
    for it in block["block_types"].values():
        if it["nesting_mode"] == "set" and holds_any(it["block"]):
            it["nesting_mode"] = "list"
        without_sets_of_any(it["block"])
    return block


def read(archive: str):
    """Returns what the package says of itself, and code and types of each folder below `lib`."""
    package, folders = {}, collections.defaultdict(lambda: ["", ""])
    with tarfile.open(archive) as files:
        for member in files:
            place = member.name.split("/")
            if place[1:] == ["package.json"]:
                package = json.load(files.extractfile(member))
            if len(place) < 4 or place[1] != "lib" or not member.name.endswith((".js", ".d.ts")):
                continue
            folders[place[2]][member.name.endswith(".d.ts")] += files.extractfile(member).read().decode()
    return package, folders


def main() -> None:
    archive, target = sys.argv[1:]
    package, folders = read(archive)
    provider = (package.get("cdktf") or package.get("cdktn"))["provider"]
    schemas = {"provider": {"version": 0, "block": {}}, "resource_schemas": {}, "data_source_schemas": {}}
    for _, (code, types) in sorted(folders.items()):
        for kind, name, block in Bindings(code, types).top():
            schema = {"version": 0, "block": without_sets_of_any(block)}
            if kind == "provider":
                schemas[kind] = schema
            else:
                schemas[kind][name] = schema
    out = {"format_version": "1.0", "provider_version": provider["version"], "provider_schemas": {provider["name"]: schemas}}
    with open(target, "w", encoding="utf8") as file:
        json.dump(out, file, separators=(",", ":"), sort_keys=True)


main()
