"""The clusters that benchmarks run in, as Kubernetes YAML for the lab.

Pods of node north call pods of node south; all are in the mesh, each under a service account of its own.
"""

from dataclasses import dataclass
from pathlib import Path

NAMESPACE = "mesh"
TRUST_DOMAIN = "cluster.local"

NAMESPACE_YAML = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    istio.io/dataplane-mode: ambient
"""

POD_YAML = """\
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app: {name}
spec:
  nodeName: {node}
  serviceAccountName: {name}
status:
  podIPs:
    - ip: {address}
"""

POLICY_YAML = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: server-for-clients
  namespace: {namespace}
spec:
  selector:
    matchLabels:
      app: server
  action: ALLOW
  rules:
    - from:
        - source:
            principals:
{principals}
      to:
        - operation:
            ports: ["{port}"]
"""


@dataclass(frozen=True)
class Pod:
    name: str
    node: str
    address: str


def identity(pod):
    return f"spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/sa/{pod.name}"


CLIENT = Pod("client", "north", "10.77.1.10")
# A second client, and one that the policy does not name.
NEIGHBOUR = Pod("neighbour", "north", "10.77.1.11")
STRANGER = Pod("stranger", "north", "10.77.1.12")
SERVER = Pod("server", "south", "10.77.2.10")
APPLICATION_PORT = 9000


def several(prefix, node, count):
    """So many more pods on a node."""
    third = {"north": 3, "south": 5}[node]
    return [Pod(f"{prefix}-{number}", node, f"10.77.{third + number // 200}.{number % 200 + 1}") for number in range(count)]


def write(folder, pods, allowed=()):
    """Writes a cluster of these pods. With some `allowed`, a policy lets these call the server, and nobody else."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = [POD_YAML.format(name=pod.name, namespace=NAMESPACE, node=pod.node, address=pod.address) for pod in pods]
    (folder / "pods.yaml").write_text(NAMESPACE_YAML + "".join(texts))
    if allowed:
        principals = "\n".join(f"              - {identity(pod).removeprefix('spiffe://')}" for pod in allowed)
        policy = POLICY_YAML.format(namespace=NAMESPACE, principals=principals, port=APPLICATION_PORT)
        (folder / "policy.yaml").write_text(policy)
