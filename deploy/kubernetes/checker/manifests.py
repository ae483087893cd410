"""Reading of the manifests, and what the rules ask of them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent.parent
EXAMPLE = "secrets.example.yaml"
KUSTOMIZATION = "kustomization.yaml"


class UniqueKeys(yaml.SafeLoader):
    """Rejects a key that occurs twice in a mapping: the API server would keep one of the two values."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", node.start_mark)
        return super().construct_mapping(node, deep)


@dataclass
class Manifests:
    """Everything that the rules read. `files`: the objects of each file."""

    files: dict
    kustomization: dict
    readme: str
    known_settings: set = field(default_factory=set)

    @classmethod
    def read(cls):
        files = {}
        for path in sorted(HERE.glob("*.yaml")):
            with path.open() as file:
                files[path.name] = [item for item in yaml.load_all(file, UniqueKeys) if item]
        configuration = (HERE / "../../docs/CONFIGURATION.md").read_text()
        settings = re.findall(r"^\| `--[^`]+` \| `([A-Z0-9_]+)` \|", configuration, re.MULTILINE)
        (kustomization,) = files.pop(KUSTOMIZATION)
        return cls(files, kustomization, (HERE / "README.md").read_text(), set(settings))

    def objects(self, *kinds):
        every = [item for items in self.files.values() for item in items]
        return [item for item in every if not kinds or item["kind"] in kinds]

    def workloads(self):
        return [Workload(item) for item in self.objects("Deployment", "StatefulSet")]

    def selected(self, labels):
        return [workload for workload in self.workloads() if matches(labels, workload.labels)]

    def keys(self, kind):
        """The keys of each Secret or ConfigMap."""
        content = {}
        for item in self.objects(kind):
            content[item["metadata"]["name"]] = set(item.get("data", {})) | set(item.get("stringData", {}))
        return content


def matches(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def name(item):
    return f"{item['kind']}/{item['metadata']['name']}"


class Workload:
    """A Deployment or a StatefulSet with one container."""

    def __init__(self, item):
        self.item, self.name, self.spec = item, name(item), item["spec"]
        self.pod = self.spec["template"]["spec"]
        self.labels = self.spec["template"]["metadata"]["labels"]
        (self.container,) = self.pod["containers"]
        self.ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        self.volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        self.prefix = self.container["name"].split("-")[0].upper() + "_"

    def has_port(self, port):
        return port in self.ports if isinstance(port, str) else port in self.ports.values()

    def settings(self, manifests):
        """The environment of the container, as far as it is known here."""
        values = {}
        for source in self.container.get("envFrom", []):
            for item in manifests.objects("ConfigMap"):
                if item["metadata"]["name"] == source["configMapRef"]["name"]:
                    values |= item["data"]
        return values | {entry["name"]: entry.get("value", "") for entry in self.container.get("env", [])}

    def files(self, manifests):
        """The paths of all mounted files."""
        paths = set()
        for mount in self.container["volumeMounts"]:
            source = self.volumes.get(mount["name"], {}).get("secret")
            if source:
                keys = manifests.keys("Secret").get(source["secretName"], set())
                items = {item["path"] for item in source.get("items", []) if item["key"] in keys}
                paths |= {f"{mount['mountPath']}/{file}" for file in (items if "items" in source else keys)}
        return paths
