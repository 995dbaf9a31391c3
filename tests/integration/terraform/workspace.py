"""terraform/scheduling in a folder of its own, with a state of its own."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess

from cluster import ROOT

PROGRAM = os.environ["OPPEN_TERRAFORM"]
PROVIDER = pathlib.Path(os.environ["OPPEN_TERRAFORM_PROVIDER"])
PROVIDER_VERSION = os.environ["OPPEN_TERRAFORM_PROVIDER_VERSION"]
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


class Workspace:
    def __init__(self, folder, kubeconfig="/nonexistent"):
        self.module = folder / "terraform" / "scheduling"
        shutil.copytree(ROOT / "terraform" / "scheduling", self.module, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        catalog = pathlib.Path("deploy/kubernetes/scheduling-policies.yaml")
        (folder / catalog.parent).mkdir(parents=True)
        shutil.copy(ROOT / catalog, folder / catalog)
        settings = folder / "settings.tfrc"  # the user's own are not the test's
        settings.touch()
        self._env = {key: value for key, value in os.environ.items() if not key.startswith(("TF_", "KUBE"))}
        self._env |= {"KUBECONFIG": kubeconfig, "TF_CLI_CONFIG_FILE": str(settings), "CHECKPOINT_DISABLE": "1"}
        self._init(folder / "plugins")

    def _init(self, plugins):
        # Terraform and OpenTofu look below the name of a registry each has as its own: it says which.
        address = re.search(r"provider\[(\S+/gavinbunney/kubectl)\]", self.run("providers").stdout)[1]
        place = plugins / address / PROVIDER_VERSION / f"linux_{ARCHITECTURE}"
        place.mkdir(parents=True)
        (place / f"terraform-provider-kubectl_v{PROVIDER_VERSION}").symlink_to(PROVIDER)
        self.run("init", "-input=false", f"-plugin-dir={plugins}")

    def run(self, *arguments, variables=None, expect=(0,)):
        settings = []
        for name, value in (variables or {}).items():
            settings.append(f"-var={name}={value if isinstance(value, str) else json.dumps(value)}")
        done = subprocess.run(
            [PROGRAM, *arguments, *settings],
            cwd=self.module,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode in expect, f"{arguments} {settings}:\n{done.stdout}\n{done.stderr}"
        return done

    def apply(self, **variables):
        return self.run("apply", "-auto-approve", "-input=false", "-no-color", variables=variables)

    def destroy(self, **variables):
        return self.run("destroy", "-auto-approve", "-input=false", "-no-color", variables=variables)

    def plan_changes(self, **variables):
        """Whether an apply would change anything."""
        done = self.run("plan", "-detailed-exitcode", "-input=false", variables=variables, expect=(0, 2))
        return done.returncode == 2

    def refusal(self, **variables):
        """What it says of values that it does not accept."""
        done = self.run("plan", "-json", "-input=false", variables=variables, expect=(1,))
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return " ".join(line["diagnostic"].get("detail", "") for line in lines if line["type"] == "diagnostic")

    def outputs(self):
        return {name: each["value"] for name, each in json.loads(self.run("output", "-json").stdout).items()}
