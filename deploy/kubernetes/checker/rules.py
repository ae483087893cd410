"""Rules about references between manifests, and about what this project needs. Each yields its faults as text."""

import json
import re
from functools import lru_cache

import kubernetes_validate
from kubernetes_validate.utils import all_versions
from packaging.version import Version

from manifests import EXAMPLE, name

# The first one that enables lifecycle.preStop.sleep by default, and all later ones.
VERSIONS = sorted({version for version in all_versions() if Version(version) >= Version("1.30")}, key=Version)
DRAIN_SECONDS = 10


def apply(rule, manifests):
    """The faults that a rule finds. A field that it needs and does not find is one, too."""
    try:
        yield from rule(manifests)
    except (KeyError, ValueError) as error:
        yield f"{rule.__name__}: not found: {error}"


@lru_cache(maxsize=None)
def schema_fault(text, version):
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return error.message
    return None


def schema(manifests):
    for item in manifests.objects():
        for version in VERSIONS:
            if fault := schema_fault(json.dumps(item), version):
                yield f"{name(item)}: Kubernetes {version}: {fault}"
                break


def namespaces(manifests):
    (namespace,) = manifests.objects("Namespace")
    for item in manifests.objects():
        if item is not namespace and item["metadata"].get("namespace") != namespace["metadata"]["name"]:
            yield f"{name(item)}: not in the namespace"


def kustomization(manifests):
    listed, files = set(manifests.kustomization["resources"]), set(manifests.files) - {EXAMPLE}
    for file in listed ^ files:
        yield f"kustomization.yaml: {file} is {'not listed' if file in files else 'no file'}"
    used = {workload.container["image"].split(":")[0] for workload in manifests.workloads()}
    for image in {image["name"] for image in manifests.kustomization["images"]} ^ used:
        yield f"kustomization.yaml: image {image} is listed or used, not both"


def selectors(manifests):
    for workload in manifests.workloads():
        spread = workload.pod.get("topologySpreadConstraints", [])
        for selector in [workload.spec["selector"], *(one["labelSelector"] for one in spread)]:
            if not _selects_only(manifests, selector, workload):
                yield f"{workload.name}: {selector} does not select its own pods, or others too"
        budgets = [one for one in manifests.objects("PodDisruptionBudget")
                   if _selects_only(manifests, one["spec"]["selector"], workload)]
        if len(budgets) != 1:
            yield f"{workload.name}: {len(budgets)} PodDisruptionBudgets"
    for service in manifests.objects("Service"):
        if len(manifests.selected(service["spec"]["selector"])) != 1:
            yield f"{name(service)}: selects no pods, or those of several workloads"
    for budget in manifests.objects("PodDisruptionBudget"):
        if len(manifests.selected(budget["spec"]["selector"]["matchLabels"])) != 1:
            yield f"{name(budget)}: selects no pods, or those of several workloads"


def _selects_only(manifests, selector, workload):
    return [one.name for one in manifests.selected(selector["matchLabels"])] == [workload.name]


def network_policies(manifests):
    policies = manifests.objects("NetworkPolicy")
    if not any(not one["spec"]["podSelector"] and not {"ingress", "egress"} & set(one["spec"])
               and set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"} for one in policies):
        yield "NetworkPolicy: none denies everything by default"
    for policy in policies:
        spec = policy["spec"]
        targets = manifests.selected(spec["podSelector"].get("matchLabels", {}))
        if not targets:
            yield f"{name(policy)}: selects no workload"
        for direction, peers_key in [("ingress", "from"), ("egress", "to")]:
            for rule in spec.get(direction, []):
                if not rule.get(peers_key) or not rule.get("ports"):
                    yield f"{name(policy)}: a rule for {direction} has no peers, or no ports"
                ports = [port["port"] for port in rule.get("ports", [])]
                own = [peer for peer in rule.get(peers_key, []) if "namespaceSelector" not in peer and "podSelector" in peer]
                peers = [manifests.selected(peer["podSelector"]["matchLabels"]) for peer in own]
                if [] in peers:
                    yield f"{name(policy)}: a peer for {direction} is no workload"
                listeners = targets if direction == "ingress" else [one for found in peers for one in found]
                for port in ports:
                    if any(not one.has_port(port) for one in listeners):
                        yield f"{name(policy)}: port {port} for {direction} is none of the pod's"


def volumes(manifests):
    for workload in manifests.workloads():
        mounted = [mount["name"] for mount in workload.container["volumeMounts"]]
        for volume in set(mounted) ^ set(workload.volumes):
            yield f"{workload.name}: volume {volume} is not defined, or not mounted"
        paths = [mount["mountPath"] for mount in workload.container["volumeMounts"]]
        if len(paths) != len(set(paths)):
            yield f"{workload.name}: two volumes have one path"
        for volume in workload.pod["volumes"]:
            if volume.get("secret", {}).get("defaultMode", 0o644) != 0o440:
                yield f"{workload.name}: volume {volume['name']} is no Secret with defaultMode 0440"


def references(manifests):
    secrets, maps, used = manifests.keys("Secret"), manifests.keys("ConfigMap"), set()
    for workload in manifests.workloads():
        for volume in workload.pod["volumes"]:
            source = volume["secret"]
            used.add(source["secretName"])
            for item in source.get("items", []):
                if item["key"] not in secrets.get(source["secretName"], set()):
                    yield f"{workload.name}: Secret {source['secretName']} has no {item['key']}"
        for source in workload.container.get("envFrom", []):
            if source["configMapRef"]["name"] not in maps:
                yield f"{workload.name}: no ConfigMap {source['configMapRef']['name']}"
        for entry in workload.container.get("env", []):
            if "valueFrom" in entry:
                yield f"{workload.name}: {entry['name']} is not a plain value"
    for secret in used ^ set(secrets):
        yield f"Secret {secret} is not in {EXAMPLE}, or not used"


def readme(manifests):
    created = {}
    joined = manifests.readme.replace("\\\n", " ")
    for secret, arguments in re.findall(r"create secret generic (\S+)(.*)", joined):
        created[secret] = set(re.findall(r"--from-file=(?:([^=\s]+)=)?", arguments)) - {""}
        created[secret] |= {file.split("/")[-1] for file in re.findall(r"--from-file=([^=\s]+)(?:\s|$)", arguments)}
    for secret, keys in manifests.keys("Secret").items():
        if created.get(secret) != keys:
            yield f"README.md creates Secret {secret} with {created.get(secret)}, {EXAMPLE} has {keys}"


def settings(manifests):
    used_files = set()
    for workload in manifests.workloads():
        values, files = workload.settings(manifests), workload.files(manifests)
        for setting, value in values.items():
            if setting not in manifests.known_settings or not setting.startswith(workload.prefix):
                yield f"{workload.name}: {setting} is not in docs/CONFIGURATION.md"
            if setting + "_FILE" in manifests.known_settings:
                yield f"{workload.name}: {setting} may contain a secret; use {setting}_FILE"
            if value.startswith("/") and value not in files:
                yield f"{workload.name}: {setting}: no Secret contains {value}"
            used_files.add(value)
            if setting.endswith("_LISTEN"):
                address, port = value.rsplit(":", 1)
                if address not in ("0.0.0.0", "[::]") or not workload.has_port(int(port)):
                    yield f"{workload.name}: {setting}: not the pod's address, or none of its ports"
    for secret in manifests.objects("Secret"):
        for key, value in secret["stringData"].items():
            for file in re.findall(r"ssl\w+=(/[^&]+)", value):
                used_files.add(file)
                owners = [one for one in manifests.workloads() if secret["metadata"]["name"] in one.item["metadata"]["name"]]
                if not owners or any(file not in one.files(manifests) for one in owners):
                    yield f"{name(secret)}: {key}: no Secret contains {file}"
    for workload in manifests.workloads():
        for file in workload.files(manifests) - used_files:
            if not file.endswith("/ca.crt"):
                yield f"{workload.name}: no setting names {file}"


def installation(manifests):
    by_name = {workload.item["metadata"]["name"]: workload for workload in manifests.workloads()}
    auth, web = by_name["auth-service"], by_name["web-service"]
    auth_settings, web_settings = auth.settings(manifests), web.settings(manifests)
    if auth_settings["AUTH_ISSUER"] != web_settings["WEB_PUBLIC_URL"]:
        yield "AUTH_ISSUER is not WEB_PUBLIC_URL"
    service = auth.spec["serviceName"]
    headless = [one for one in manifests.objects("Service") if one["metadata"]["name"] == service]
    if not headless or headless[0]["spec"].get("clusterIP") != "None":
        yield f"{auth.name}: {service} is no headless Service"
    pods = {f"https://auth-service-{number}.{service}:{auth.ports['grpc']}" for number in range(auth.spec["replicas"])}
    if {url.strip() for url in web_settings["WEB_AUTH_URL"].split(",")} != pods:
        yield f"WEB_AUTH_URL is not {','.join(sorted(pods))}"


def ports(manifests):
    for service in manifests.objects("Service"):
        for workload in manifests.selected(service["spec"]["selector"]):
            for port in service["spec"]["ports"]:
                if not workload.has_port(port["targetPort"]):
                    yield f"{name(service)}: {workload.name} has no port {port['targetPort']}"
    for workload in manifests.workloads():
        for probe, path in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]:
            request = workload.container.get(probe, {}).get("httpGet", {})
            if request.get("path") != path or request.get("port") != "ops" or not workload.has_port("ops"):
                yield f"{workload.name}: {probe} does not request {path} from the port ops"


def lifecycle(manifests):
    for workload in manifests.workloads():
        sleep = workload.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if workload.pod.get("terminationGracePeriodSeconds", 30) <= sleep + DRAIN_SECONDS:
            yield f"{workload.name}: terminationGracePeriodSeconds is too short for preStop and the drain"
        if workload.item["kind"] == "Deployment" and workload.spec["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
            yield f"{workload.name}: an update reduces the number of pods"
        resources = workload.container.get("resources", {})
        if set(resources.get("requests", {})) != {"cpu", "memory"} or "memory" not in resources.get("limits", {}):
            yield f"{workload.name}: requests or the memory limit are missing"


def security(manifests):
    (namespace,) = manifests.objects("Namespace")
    if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the namespace does not enforce the Pod Security Standard restricted"
    for workload in manifests.workloads():
        context, pod = workload.container.get("securityContext", {}), workload.pod.get("securityContext", {})
        required = [
            (pod.get("runAsNonRoot"), True),
            ({pod.get(key) for key in ("runAsUser", "runAsGroup", "fsGroup")}, {10001}),
            (pod.get("seccompProfile"), {"type": "RuntimeDefault"}),
            (context.get("allowPrivilegeEscalation"), False),
            (context.get("readOnlyRootFilesystem"), True),
            (context.get("capabilities"), {"drop": ["ALL"]}),
            (workload.pod.get("automountServiceAccountToken"), False),
            (workload.pod.get("enableServiceLinks"), False),
        ]
        for actual, expected in required:
            if actual != expected:
                yield f"{workload.name}: security: {actual} instead of {expected}"


ALL = [schema, namespaces, kustomization, selectors, network_policies, volumes, references, readme, settings, installation, ports,
       lifecycle, security]
