# shellcheck shell=bash
# An MLflow server without users. Needs STATE_DIR and PORT.

mlflow_url() { echo "http://127.0.0.1:${PORT[mlflow]}"; }

mlflow_start() {
  local dir=$STATE_DIR/mlflow venv
  process_runs mlflow && return
  ports_must_be_free mlflow
  venv=$(venv_ensure mlflow "$LOCAL_DIR/mlflow-requirements.txt")
  mkdir -p "$dir"
  say "MLflow: starting on ${PORT[mlflow]}"
  # Without its job runner: seven processes for what nobody asks of it here.
  process_start mlflow env -C "$dir" MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true \
    "$venv/bin/mlflow" server --workers 1 --host 127.0.0.1 --port "${PORT[mlflow]}" \
    --backend-store-uri "sqlite:///$dir/mlflow.db" --artifacts-destination "$dir/artifacts"
}

mlflow_ready() { curl --silent --fail "$(mlflow_url)/health"; }
