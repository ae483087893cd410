"""Faults, each planted in a copy of the manifests, and the rule that must find it."""

import copy

import rules


def _of(manifests, kind, name):
    return next(item for item in manifests.objects(kind) if item["metadata"]["name"] == name)


def _auth(manifests):
    return _of(manifests, "StatefulSet", "auth-service")["spec"]


def _web(manifests):
    return _of(manifests, "Deployment", "web-service")["spec"]


def _pod(spec):
    return spec["template"]["spec"]


def _container(spec):
    return _pod(spec)["containers"][0]


def _env(spec, setting, value):
    _container(spec)["env"].append({"name": setting, "value": value})


def _config(manifests, name):
    return _of(manifests, "ConfigMap", name)["data"]


def _policy(manifests, name):
    return _of(manifests, "NetworkPolicy", name)["spec"]


FAULTS = {
    "unknown field": (rules.schema, lambda m: _container(_web(m)).update(readyProbe={})),
    "unknown field of metadata": (rules.schema, lambda m: _of(m, "Service", "web-service")["metadata"].update(lables={})),
    "field in the wrong place": (rules.schema, lambda m: _web(m).update(terminationGracePeriodSeconds=30)),
    "number for a string": (rules.schema, lambda m: _config(m, "auth-service").update(AUTH_ARGON2_CONCURRENCY=2)),
    "required field": (rules.schema, lambda m: _auth(m).pop("selector")),
    "unknown kind": (rules.schema, lambda m: _of(m, "Service", "web-service").update(kind="Servise")),
    "other namespace": (rules.namespaces, lambda m: _of(m, "Service", "web-service")["metadata"].update(namespace="default")),
    "file that is not listed": (rules.kustomization, lambda m: m.kustomization["resources"].pop()),
    "image that is not used": (rules.kustomization, lambda m: m.kustomization["images"][0].update(name="holdfast/auth")),
    "selector of a workload": (rules.selectors, lambda m: _web(m)["selector"]["matchLabels"].update({"app.kubernetes.io/name": "web"})),
    "selector of a service": (rules.selectors, lambda m: _of(m, "Service", "web-service")["spec"].update(selector={"app": "web"})),
    "selector of two workloads": (rules.selectors, lambda m: _of(m, "Service", "web-service")["spec"].update(
        selector={"app.kubernetes.io/part-of": "holdfast"})),
    "selector of a budget": (rules.selectors, lambda m: _of(m, "PodDisruptionBudget", "web-service")["spec"]["selector"].update(
        matchLabels={"app": "web"})),
    "selector of a spread": (rules.selectors, lambda m: _pod(_web(m))["topologySpreadConstraints"][0]["labelSelector"].update(
        matchLabels={"app": "web"})),
    "no default deny": (rules.network_policies, lambda m: m.files["network-policies.yaml"].pop(0)),
    "policy without a workload": (rules.network_policies, lambda m: _policy(m, "web-service").update(
        podSelector={"matchLabels": {"app": "web"}})),
    "policy with an unknown peer": (rules.network_policies, lambda m: _policy(m, "auth-service")["ingress"][0]["from"][0].update(
        podSelector={"matchLabels": {"app": "web"}})),
    "policy without peers": (rules.network_policies, lambda m: _policy(m, "auth-service")["ingress"][0].pop("from")),
    "policy with a wrong port": (rules.network_policies, lambda m: _policy(m, "web-service")["egress"][0]["ports"][0].update(port=50052)),
    "mount without a volume": (rules.volumes, lambda m: _pod(_web(m))["volumes"].pop()),
    "volume without a mount": (rules.volumes, lambda m: _container(_web(m))["volumeMounts"].pop()),
    "world-readable secret": (rules.volumes, lambda m: _pod(_web(m))["volumes"][0]["secret"].pop("defaultMode")),
    "unknown secret": (rules.references, lambda m: _pod(_web(m))["volumes"][0]["secret"].update(secretName="web")),
    "unknown key": (rules.references, lambda m: _pod(_web(m))["volumes"][2]["secret"]["items"][0].update(key="ca.pem")),
    "unknown config map": (rules.references, lambda m: _container(_web(m))["envFrom"][0]["configMapRef"].update(name="web")),
    "secret that README.md does not create": (rules.readme, lambda m: _of(m, "Secret", "web-service")["stringData"].update(other="")),
    "unknown setting": (rules.settings, lambda m: _env(_web(m), "WEB_PUBLIC_URI", "x")),
    "unknown setting in a config map": (rules.settings, lambda m: _config(m, "web-service").update(WEB_PUBLIC_URI="x")),
    "setting of the other service": (rules.settings, lambda m: _env(_web(m), "AUTH_LOG", "info")),
    "secret in a setting": (rules.settings, lambda m: _env(_web(m), "WEB_SECRET_KEY", "x")),
    "file that no secret contains": (rules.settings, lambda m: _of(m, "Secret", "web-service")["stringData"].pop("secret.key")),
    "secret that no setting names": (rules.settings, lambda m: _of(m, "Secret", "web-service")["stringData"].update(other="")),
    "unknown file in a URL": (rules.settings, lambda m: _of(m, "Secret", "auth-service")["stringData"].update(
        {"database-url": "postgres://h/d?sslrootcert=/etc/ca.crt"})),
    "ops port on loopback": (rules.settings, lambda m: _env(_auth(m), "AUTH_OPS_LISTEN", "127.0.0.1:9051")),
    "two public URLs": (rules.installation, lambda m: _config(m, "web-service").update(WEB_PUBLIC_URL="https://other.example")),
    "number of replicas": (rules.installation, lambda m: _auth(m).update(replicas=4)),
    "service that is not headless": (rules.installation, lambda m: _of(m, "Service", "auth-service")["spec"].pop("clusterIP")),
    "unknown port of a service": (rules.ports, lambda m: _of(m, "Service", "web-service")["spec"]["ports"][0].update(targetPort="http")),
    "unknown port of a probe": (rules.ports, lambda m: _container(_web(m))["livenessProbe"]["httpGet"].update(port="health")),
    "liveness that depends on others": (rules.ports, lambda m: _container(_web(m))["livenessProbe"]["httpGet"].update(path="/readyz")),
    "no readiness": (rules.ports, lambda m: _container(_web(m)).pop("readinessProbe")),
    "short grace period": (rules.lifecycle, lambda m: _pod(_web(m)).update(terminationGracePeriodSeconds=20)),
    "update with fewer pods": (rules.lifecycle, lambda m: _web(m)["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    "no memory limit": (rules.lifecycle, lambda m: _container(_web(m))["resources"].pop("limits")),
    "writable root": (rules.security, lambda m: _container(_web(m))["securityContext"].pop("readOnlyRootFilesystem")),
    "root": (rules.security, lambda m: _pod(_web(m))["securityContext"].update(runAsUser=0)),
    "token of the service account": (rules.security, lambda m: _pod(_web(m)).pop("automountServiceAccountToken")),
}


def run(manifests):
    """Yields the faults that were not found, and the rules without a fault."""
    for name, (rule, plant) in FAULTS.items():
        changed = copy.deepcopy(manifests)
        plant(changed)
        if not list(rules.apply(rule, changed)):
            yield f"self-test: {rule.__name__} does not find: {name}"
    for rule in rules.ALL:
        if rule not in {rule for rule, _ in FAULTS.values()}:
            yield f"self-test: {rule.__name__} has no fault"
