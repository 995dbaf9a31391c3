"""Oppen's tools in a LangGraph graph, which binds to `oppen mcp`.

    pip install -r requirements.txt
    python workflows.py                      # lists the workflows
    python workflows.py cost_aware budget_options
    python workflows.py optimize --job JOB   # waits until somebody has run the `oppen approve` that it prints

A workflow here is a script that plays the agent, so that it needs no model: a generator that yields the tools to call with their arguments and
gets their structured results. The graph is the one a model would drive: a node that decides, a node that calls, and a human who approves.
With a model: `agent_of(init_chat_model(...), tools)` below.
"""

import argparse
import asyncio
import json
import os
import uuid
from typing import Any

from langchain_core.messages import AIMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent
from langgraph.types import Command, interrupt

SMALL = {"gpus": 0, "cpu": "100m", "memory": "64Mi"}
Step = tuple[str, dict[str, Any]]


def agent_of(model, tools):
    """The same tools for a model, instead of a script."""
    return create_react_agent(model, tools)


# What an agent does with them. A tool's failure comes back as {"error": text}.


def cost_aware(budget_usd=0.05, prefix="example"):
    """Train mnist for 2 epochs within a budget: ask first, then start it."""
    job = {"model_type": "mnist", "epochs": 2, "batch_size": 64, "resources": SMALL}
    check = yield "check_training_budget", {**job, "budget_usd": budget_usd}
    if not check["feasible"]:
        return {"started": False, "cost": check["estimated_cost_microusd"]}
    started = yield "trigger_training_job", {**job, "job_id": f"{prefix}-aware", "wait_seconds": 300}
    return {"started": started["event"] == "job.started", "job_id": started["job_id"], "cost": check["estimated_cost_microusd"]}


def budget_options(prefix="example"):
    """What doesn't fit a budget: the cheapest alternative that does is queued instead."""
    job = {"model_type": "mnist", "epochs": 200, "batch_size": 64, "resources": SMALL}
    price = yield "check_training_budget", job
    budget = price["estimated_cost_microusd"] / 1e6 / 2.5
    check = yield "check_training_budget", {**job, "budget_usd": budget}
    fits = [one for one in check["alternatives"] if one["feasible"]]
    best = min(fits, key=lambda one: one["estimated_cost_microusd"])
    queued = yield "queue_training_job", {**job, **best["changes"], "job_id": f"{prefix}-option"}
    return {"feasible": check["feasible"], "chosen": best["changes"], "job_id": queued["job_id"], "full_cost": price["estimated_cost_microusd"]}


def urgent_job(prefix="example"):
    """One job for production, at once: it is the next to run."""
    job = {"model_type": "mnist", "epochs": 2, "priority": "urgent", "resources": SMALL, "job_id": f"{prefix}-now"}
    queued = yield "queue_training_job", job
    status = yield "get_queue_status", {"limit": 10}
    return {
        "job_id": queued["job_id"],
        "position": queued["position"],
        "next": status["jobs"][0]["job_id"],
        "running": status["running"],
        "slots": status["slots"],
    }


def sweep(count=20, prefix="example"):
    """Queue a hyperparameter search: what it costs, and how long all that waits takes."""
    jobs = [{"model_type": "mnist", "epochs": 2, "batch_size": 8 * (1 + i), "resources": SMALL} for i in range(count)]
    batch = yield "submit_batch_training_jobs", {"jobs": jobs, "batch_id": f"{prefix}-sweep"}
    status = yield "get_queue_status", {}
    return {
        "submitted": batch["jobs_submitted"],
        "cost": batch["estimated_cost_microusd"],
        "queued": status["queued"]["total"],
        "pending": status["pending_cost_microusd"],
        "seconds": status["total_wait_seconds"],
    }


def capped(count=5, limit_usd=0.20, prefix="example"):
    """So many models for so much money: each is asked about, and all are queued if they fit together. Says so when what waits costs nearly that."""
    jobs = [{"model_type": "mnist", "epochs": 2 + i, "batch_size": 64, "resources": SMALL} for i in range(count)]
    total = 0
    for job in jobs:
        check = yield "check_training_budget", {**job, "budget_usd": limit_usd}
        total += check["estimated_cost_microusd"]
    if total > limit_usd * 1e6:
        return {"total": total, "fits": False}
    batch = yield "submit_batch_training_jobs", {"jobs": jobs, "batch_id": f"{prefix}-capped", "max_total_usd": limit_usd}
    status = yield "get_queue_status", {}
    dashboard = yield "get_training_dashboard", {}
    return {
        "total": total,
        "fits": True,
        "cost": batch["estimated_cost_microusd"],
        "pending": status["pending_cost_microusd"],
        "shown": dashboard["costs"]["pending_microusd"],
        "alert": status["pending_cost_microusd"] >= 0.8 * limit_usd * 1e6,
    }


def urgent_batch(count=20, prefix="example"):
    """Queue many models urgently: they go before everything else."""
    jobs = [{"model_type": "mnist", "epochs": 2, "batch_size": 8 * (1 + i), "priority": "urgent", "resources": SMALL} for i in range(count)]
    batch = yield "submit_batch_training_jobs", {"jobs": jobs, "batch_id": f"{prefix}-urgent"}
    status = yield "get_queue_status", {"limit": count}
    return {"submitted": batch["jobs_submitted"], "positions": [batch["first_position"], batch["last_position"]], "urgent": status["queued"]["urgent"]}


def bounded_search(count=50, prefix="example"):
    """A hyperparameter search that may cost so much and no more."""
    job = {"model_type": "mnist", "epochs": 2, "resources": SMALL}
    estimate = yield "check_training_budget", {**job, "runs": count}
    limit = estimate["estimated_cost_microusd"] / 1e6
    jobs = [{**job, "batch_size": 64, "name": f"config {i}"} for i in range(count)]
    refused = yield "submit_batch_training_jobs", {"jobs": jobs, "batch_id": f"{prefix}-dear", "max_total_usd": limit / 2}
    batch = yield "submit_batch_training_jobs", {"jobs": jobs, "batch_id": f"{prefix}-search", "max_total_usd": limit * 1.001}
    status = yield "get_queue_status", {}
    return {
        "refused": "error" in refused,
        "estimate": estimate["estimated_cost_microusd"],
        "cost": batch["estimated_cost_microusd"],
        "pending": status["pending_cost_microusd"],
    }


def post_run(run_id, prefix="example"):
    """Cheaper next time: what is recommended for a finished run, and what that run would cost so."""
    told = yield "recommend_cost_optimization", {"run_id": run_id}
    best = told["recommendations"][0]
    return {"cost": told["total_microusd"], "strategies": [one["strategy"] for one in told["recommendations"]], "command": best["action"]["command"]}


def monitor(prefix="example"):
    """How is the system, and what waits?"""
    dashboard = yield "get_training_dashboard", {}
    queue = yield "list_queued_jobs", {"limit": 100}
    return {"health": dashboard["health"]["ok"], "queued": queue["queued"], "pending": queue["pending_cost_microusd"]}


def together(count=10, prefix="example"):
    """Can so many models be trained at the same time?"""
    check = yield "check_training_budget", {"model_type": "mnist", "epochs": 2, "resources": SMALL, "runs": count}
    return {"at_once": check["plan"]["at_once"], "cost": check["estimated_cost_microusd"], "last_end": check["plan"]["last_end"]}


def gpus_together(count=10, prefix="example"):
    """Can so many models have a GPU each at the same time? If not: how many, and when the others have had their turn."""
    job = {"model_type": "mnist", "epochs": 2, "resources": {**SMALL, "gpus": 1}}
    check = yield "check_training_budget", {**job, "runs": count}
    plan = check["plan"]
    if plan["at_once"] >= count:
        return {"possible": True, "cost": check["estimated_cost_microusd"]}
    some = yield "check_training_budget", {**job, "runs": plan["at_once"]}
    return {
        "possible": False,
        "at_once": plan["at_once"],
        "cost_of_these": some["estimated_cost_microusd"],
        "cost": check["estimated_cost_microusd"],
        "suggestion": f"queue all {count}: {plan['at_once']} run at a time, the other {count - plan['at_once']} wait, and all have run by {plan['last_end']}",
    }


def optimize(job_id, prefix="example"):
    """Analyse, propose, simulate, apply; a human approves; then what came of it."""
    analysis = yield "analyze_costs", {"days": 7}
    proposals = yield "propose_optimizations", {"limit": 100}
    mine = [one for one in proposals["proposals"] if one.get("changes", {}).get("job_id") == job_id]
    best = mine[0]  # they are ranked by what they save
    simulated = yield "simulate_optimization", {"changes": best["changes"]}
    applied = yield "apply_optimization", {"changes": best["changes"], "summary": best["summary"]}
    yield "human", {"say": f"{best['summary']}: {applied.get('approve_command')}", "proposal_id": applied["proposal_id"]}
    effect = yield "get_optimization_effect", {"proposal_id": applied["proposal_id"]}
    (one,) = effect["proposals"]
    return {
        "analysed": analysis["total_microusd"],
        "strategy": best["strategy"],
        "predicted": simulated["savings_microusd"],
        "state": one["state"],
        "carried_out": one.get("carried_out"),
        "saved": one.get("saved_microusd"),
    }


SCRIPTS = (
    cost_aware, budget_options, urgent_job, urgent_batch, sweep, bounded_search, capped, post_run, monitor, together, gpus_together, optimize,
)  # fmt: skip
WORKFLOWS = {one.__name__: one for one in SCRIPTS}


class State(MessagesState):
    outcome: dict
    asked: dict


def graph_of(script, tools):
    """agent -> tools -> agent ..., with a stop at the human's."""

    def agent(state: State):
        last = state["messages"][-1] if state["messages"] else None
        given = None
        if last is not None and last.type == "tool":
            given = last.artifact["structured_content"] if last.artifact else {"error": str(last.content)}
        try:
            name, arguments = script.send(given)
        except StopIteration as end:
            return {"outcome": end.value}
        if name == "human":
            return {"asked": arguments}
        call = {"name": name, "args": arguments, "id": uuid.uuid4().hex, "type": "tool_call"}
        return {"messages": [AIMessage("", tool_calls=[call])], "asked": {}}

    def human(state: State):
        interrupt(state["asked"])  # goes on when the graph is resumed
        return {"asked": {}, "messages": [AIMessage("somebody has decided")]}

    def way(state: State):
        if state.get("outcome"):
            return END
        return "human" if state.get("asked") else "tools"

    graph = StateGraph(State)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=True))
    graph.add_node("human", human)
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", way, ["tools", "human", END])
    graph.add_edge("tools", "agent")
    graph.add_edge("human", "agent")
    return graph.compile(checkpointer=InMemorySaver())


async def run(script, decide, oppen="oppen"):
    """Plays the script. `decide(what)` is called where a human must, and returns once he has."""
    client = MultiServerMCPClient({"oppen": {"transport": "stdio", "command": oppen, "args": ["mcp"], "env": dict(os.environ)}})
    async with client.session("oppen") as session:
        graph = graph_of(script, await load_mcp_tools(session))
        config = {"configurable": {"thread_id": uuid.uuid4().hex}, "recursion_limit": 100}
        state = await graph.ainvoke({"messages": []}, config)
        while "__interrupt__" in state:
            await decide(state["__interrupt__"][0].value, session)
            state = await graph.ainvoke(Command(resume=True), config)
        return state["outcome"]


async def wait_for_decision(what, session):
    print(what["say"], flush=True)
    while True:
        told = await session.call_tool("get_optimization_effect", {"proposal_id": what["proposal_id"]})
        (proposal,) = told.structuredContent["proposals"]
        if proposal["state"] in ("rejected", "expired") or proposal.get("carried_out"):
            return
        await asyncio.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workflow", nargs="*", help=", ".join(WORKFLOWS))
    parser.add_argument("--job", help="of optimize: a job that waits; of post_run: a run that has succeeded")
    parser.add_argument("--prefix", default=f"example-{uuid.uuid4().hex[:6]}", help="of the ids of what is submitted")
    options = parser.parse_args()
    if not options.workflow:
        for name, workflow in WORKFLOWS.items():
            print(f"{name:15} {workflow.__doc__}")
    for name in options.workflow:
        given = {"optimize": {"job_id": options.job}, "post_run": {"run_id": options.job}}.get(name, {})
        outcome = asyncio.run(run(WORKFLOWS[name](prefix=options.prefix, **given), wait_for_decision))
        print(json.dumps({"workflow": name, **outcome}), flush=True)


if __name__ == "__main__":
    main()
