#!/usr/bin/env python3
"""Makes mlflow-costs.png anew: trains a few models, waits until the bridge has written what they cost, and takes a picture of MLflow's page.

    deploy/local/up --with mlflow && source deploy/local/env
    ~/.cache/oppen/mlflow-*/bin/python docs/images/mlflow_costs.py

Needs Chromium (apt-get install chromium). The training is scikit-learn's, which MLflow's environment has, on the digits that come with it.
"""

import base64
import json
import os
import pathlib
import subprocess
import tempfile
import time

import mlflow
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier

PICTURE = pathlib.Path(__file__).with_name("mlflow-costs.png")
EXPERIMENT, EPOCHS, BATCH_SIZES = "digits", 40, (8, 16, 64, 256)
COLUMNS = ["metrics.`accuracy`", "metrics.`oppen.cost_usd`", "metrics.`oppen.cost_per_epoch_usd`", "metrics.`oppen.roi`"]
PATIENCE = 120  # seconds


def train():
    """Run ids. The baseline is the nearest centroid's accuracy."""
    pixels, digits = load_digits(return_X_y=True)
    seen, unseen, labels, truth = train_test_split(pixels / 16, digits, test_size=0.3, random_state=1)
    baseline = accuracy_score(truth, NearestCentroid().fit(seen, labels).predict(unseen))
    for batch_size in BATCH_SIZES:
        with mlflow.start_run(run_name=f"batch-{batch_size}") as run:
            mlflow.log_params({"model_type": "digits", "epochs": EPOCHS, "batch_size": batch_size})
            mlflow.set_tags({"gpus": 0, "baseline_metric": baseline})
            model = MLPClassifier((64,), batch_size=batch_size, random_state=1)
            for _ in range(EPOCHS):
                model.partial_fit(seen, labels, classes=range(10))
            mlflow.log_metric("accuracy", accuracy_score(truth, model.predict(unseen)))
        yield run.info.run_id


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(0.5)


class Browser:
    """Chromium, told what to do in its own protocol over two pipes."""

    def __init__(self, profile):
        (commands, self._commands), (self._answers, answers) = os.pipe(), os.pipe()
        sandbox = "--no-sandbox" if os.getuid() == 0 else ""
        command = f"exec chromium --headless=new {sandbox} --disable-gpu --hide-scrollbars --window-size=1340,560 --remote-debugging-pipe"
        self._process = subprocess.Popen(
            ["sh", "-c", f"{command} --user-data-dir='{profile}' 3<&{commands} 4>&{answers}"],
            pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._session, self._number, self._read = {}, 0, b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}

    def ask(self, method, **parameters):
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            while b"\0" not in self._read:
                more = os.read(self._answers, 1 << 16)
                assert more, "Chromium has ended"
                self._read += more
            one, self._read = self._read.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def value(self, script):
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def close(self):
        self._session = {}
        self.ask("Browser.close")
        self._process.wait(20)


def widen(browser, name):
    """Draws the edge of that column to the right, so that its name can be read."""
    header = f"[...document.querySelectorAll('.ag-header-cell')].find(cell => cell.innerText.trim() == '{name}')"
    edge = json.loads(browser.value(f"JSON.stringify({header}.querySelector('.ag-header-cell-resize').getBoundingClientRect())"))
    x, y = edge["x"] + 2, edge["y"] + 10  # the next column lies over its other half
    for kind, where in (("mousePressed", x), ("mouseMoved", x + 50), ("mouseMoved", x + 100), ("mouseReleased", x + 100)):
        browser.ask("Input.dispatchMouseEvent", type=kind, x=where, y=y, button="left", clickCount=1)


def take_picture(url):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        browser.ask("Page.navigate", url=url)
        wait_until("the page", lambda: "oppen.roi" in (browser.value("document.body.innerText") or ""))
        for button in ("Close", "Hide banner"):  # the assistant, and that the columns were chosen by the link
            browser.value(f"document.querySelector('button[aria-label=\"{button}\"]')?.click()")
        wait_until("room for all columns", lambda: not browser.value("document.querySelector('button[aria-label=\"Send message\"]')"))
        for name in ("oppen.cost_per_epoch_usd", "oppen.cost_usd"):
            widen(browser, name)
        picture = browser.ask("Page.captureScreenshot", clip={"x": 200, "y": 0, "width": 1140, "height": 390, "scale": 1})["data"]
        PICTURE.write_bytes(base64.b64decode(picture))
        browser.close()


def main():
    experiment = mlflow.set_experiment(EXPERIMENT).experiment_id
    client = mlflow.MlflowClient()
    runs = list(train())
    wait_until("the bridge has written the costs", lambda: all("oppen.roi" in client.get_run(run_id).data.metrics for run_id in runs))
    client.set_experiment_tag(experiment, "mlflow.sharedViewState.costs", json.dumps({"selectedColumns": COLUMNS}))
    take_picture(f"{mlflow.get_tracking_uri()}/#/experiments/{experiment}/runs?viewStateShareKey=costs")
    print(PICTURE, PICTURE.stat().st_size, "bytes")


main()
