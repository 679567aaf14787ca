"""What is shipped in ``deploy/`` speaks of commands, settings, pages and files that there are, and holds its promises.

None of it is run here: manifests are compared with Kubernetes' own schemas, commands are parsed by linnet's own command
line. ``deploy/README.md`` says which is which.
"""

import configparser
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import kubernetes_validate  # type: ignore[import-untyped]  # it says nothing of its types
import pytest
import yaml

from linnet.cli import main as command_line
from linnet.settings.table import SETTINGS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = [
    (path.name, manifest)
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text("utf-8"))
]
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if str(service.get("image", "")).startswith("linnet:")}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NAMES = {setting.name for setting in SETTINGS}


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [manifest for _, manifest in MANIFESTS if manifest["kind"] in kinds]


def named(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def parse(arguments: Sequence[str]) -> None:
    """Raises what the command line would say."""
    command: click.Command = command_line
    context: click.Context | None = None
    rest = [*arguments]
    while isinstance(command, click.Group):
        context = command.make_context(command.name, rest, parent=context)
        words = [*context._protected_args, *context.args]
        if not words:
            assert command.invoke_without_command
            return
        _, found, rest = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_context(command.name, rest, parent=context)


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [(named(manifest), manifest["spec"]["template"]) for manifest in of_kind("Deployment", "Job")]


@pytest.mark.parametrize(("file", "manifest"), MANIFESTS, ids=[f"{file}-{named(one)}" for file, one in MANIFESTS])
def test_manifests_are_what_kubernetes_takes(file: str, manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.37", strict=True)
    assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "linnet", file


@pytest.mark.parametrize("manifest", of_kind("Deployment", "Job"), ids=named)
def test_pods_run_commands_that_there_are_with_settings_that_there_are(manifest: dict[str, Any]) -> None:
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    parse(container["args"])
    [configured] = of_kind("ConfigMap")
    assert {source[kind]["name"] for source in container["envFrom"] for kind in source} == {"linnet"}
    assert set(configured["data"]) <= NAMES


@pytest.mark.parametrize(("name", "pod"), pods(), ids=[name for name, _ in pods()])
def test_pods_may_do_no_more_than_they_must(name: str, pod: dict[str, Any]) -> None:
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("manifest", of_kind("Deployment"), ids=named)
def test_two_of_each_run_and_one_of_each_is_left_while_machines_are_emptied(manifest: dict[str, Any]) -> None:
    name, labels = manifest["metadata"]["name"], manifest["spec"]["selector"]["matchLabels"]
    assert manifest["spec"]["replicas"] >= 2
    assert manifest["spec"]["template"]["metadata"]["labels"] == labels
    [budget] = [one for one in of_kind("PodDisruptionBudget") if one["metadata"]["name"] == name]
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert 1 <= budget["spec"]["minAvailable"] < manifest["spec"]["replicas"]
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    paths = {
        probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    # A process that waits for its stores is not dead: killing it would help nobody.
    assert paths["livenessProbe"] == paths["startupProbe"] == "/health/live"
    assert paths["readinessProbe"] == "/health/ready"
    [port] = container["ports"]
    assert str(port["containerPort"]) in container["args"]
    assert manifest["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])


def test_what_grows_by_itself_grows_with_processor_and_memory() -> None:
    deployments = {one["metadata"]["name"]: one for one in of_kind("Deployment")}
    scalers = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in of_kind("HorizontalPodAutoscaler")}
    assert set(scalers) == {"linnet-web", "linnet-worker"} <= set(deployments)
    for spec in scalers.values():
        assert {metric["resource"]["name"] for metric in spec["metrics"]} == {"cpu", "memory"}
        assert spec["minReplicas"] >= 2
    assert scalers["linnet-worker"]["maxReplicas"] <= 64, "there are 64 lanes"


def test_services_ingress_and_policies_name_pods_that_there_are() -> None:
    components = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for _, pod in pods()}
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind("Service")}
    assert services["linnet-web"]["selector"]["app.kubernetes.io/component"] in components
    assert services["linnet-nothing"]["selector"]["app.kubernetes.io/component"] not in components
    [ingress] = of_kind("Ingress")
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    assert {path["path"]: path["backend"]["service"]["name"] for path in paths} == {
        "/metrics": "linnet-nothing",
        "/": "linnet-web",
    }
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    assert policies["linnet-default"]["podSelector"] == {}
    assert set(policies["linnet-default"]["policyTypes"]) == {"Ingress", "Egress"}
    text = yaml.safe_dump(policies)
    for component in components - {"migrate"}:
        assert component in text, f"nobody who watches reaches {component}"


def test_compose_runs_two_of_each_with_commands_and_settings_that_there_are() -> None:
    roles = [service["command"][0] for service in OURS.values()]
    assert roles.count("web") == roles.count("worker") == 2
    assert {"jobs", "db"} <= set(roles)
    for name, service in OURS.items():
        parse(service["command"])
        assert set(service["environment"]) <= NAMES, name
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        for needed in service["depends_on"]:
            assert needed in SERVICES, name


def test_compose_names_volumes_networks_and_files_that_there_are() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).resolve().is_file(), name
            else:
                assert source in COMPOSE["volumes"], name
        assert set(service["networks"]) <= set(COMPOSE["networks"]), name
        # Only the proxy has a door.
        assert ("ports" in service) == (name == "proxy")
    assert COMPOSE["networks"]["inside"]["internal"] is True
    [subnet] = COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert all(service["environment"]["LINNET_TRUSTED_PROXIES"] == subnet["subnet"] for service in OURS.values())
    text = (DEPLOY / "compose/compose.yaml").read_text("utf-8")
    asked = set(re.findall(r"\$\{([A-Z_0-9]+)", text))
    said = set(re.findall(r"^([A-Z_0-9]+)=", (DEPLOY / "compose/example.env").read_text("utf-8"), re.MULTILINE))
    assert asked == said


def test_the_proxy_is_told_where_the_web_processes_are() -> None:
    configured = (DEPLOY / "haproxy/haproxy.cfg").read_text("utf-8")
    asked = set(re.findall(r"\"\$(LINNET_[A-Z_0-9]+)\"", configured))
    assert asked == set(SERVICES["proxy"]["environment"])
    webs = {f"{name}:8000" for name, service in OURS.items() if service["command"][0] == "web"}
    told = {value for name, value in SERVICES["proxy"]["environment"].items() if name != "LINNET_BIND"}
    assert told == webs


def test_valkey_throws_no_single_keys_away() -> None:
    assert "--maxmemory-policy noeviction" in SERVICES["valkey"]["command"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_commands_that_there_are_and_no_more(path: Path) -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the library's own way to keep capitals
    unit.read_string(path.read_text("utf-8"))
    service = unit["Service"]
    program, *arguments = service["ExecStart"].split()
    assert program == "/opt/linnet/bin/linnet"
    parse([argument.replace("%i", "8001") for argument in arguments])
    assert service["Type"] == "exec"
    assert service["DynamicUser"] == service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["Restart"] == "always"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_units_settings_are_settings() -> None:
    lines = (DEPLOY / "systemd/linnet.env").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    by_name = {setting.name: setting for setting in SETTINGS}
    for name, value in given.items():
        by_name[name].parse(value)


def test_the_image_is_built_without_root_in_it_and_without_tools() -> None:
    text = (DEPLOY / "image/Containerfile").read_text("utf-8")
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    build, final = stages
    assert "--require-hashes" in build
    assert "--only-binary :all:" in build
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "apt-get" not in text
    assert "pip" not in final.replace("pip uninstall", "")
    assert re.search(r"^HEALTHCHECK ", final, re.MULTILINE)
    assert (ROOT / ".dockerignore").read_text("utf-8") == (ROOT / ".containerignore").read_text("utf-8")
    command = re.search(r"^CMD (\[\"serve.*\])$", final, re.MULTILINE)
    assert command is not None
    parse(yaml.safe_load(command[1]))
    taken = set(re.findall(r"^!(.+)$", (ROOT / ".containerignore").read_text("utf-8"), re.MULTILINE))
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.+)$", build, re.MULTILINE) for source in line.split()[:-1]
    }
    assert copied == taken
    assert all((ROOT / source).exists() for source in copied)


def test_every_file_is_spoken_of() -> None:
    told = (DEPLOY / "README.md").read_text("utf-8")
    for path in sorted(DEPLOY.iterdir()):
        assert path.name == "README.md" or f"`{path.name}/`" in told, path.name
