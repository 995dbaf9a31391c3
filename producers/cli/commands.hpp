#pragma once
// The commands of `oppen`, one file each. Each function adds its command to the app; when the user
// chooses it, it sets context.run. App and context must outlive each other.
#include "producers/cli/context.hpp"

namespace CLI {
class App;
}

namespace oppen::cli {

void add_submit(CLI::App& app, Context& context);
void add_submit_batch(CLI::App& app, Context& context);
void add_retry(CLI::App& app, Context& context);
void add_amend(CLI::App& app, Context& context);
void add_cancel(CLI::App& app, Context& context);
void add_queue(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_list(CLI::App& app, Context& context);
void add_describe(CLI::App& app, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_simulate(CLI::App& app, Context& context);
void add_wait(CLI::App& app, Context& context);
void add_logs(CLI::App& app, Context& context);
void add_watch(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);
void add_forecast(CLI::App& app, Context& context);
void add_recommend(CLI::App& app, Context& context);
void add_compare(CLI::App& app, Context& context);
void add_dead_letter(CLI::App& app, Context& context);
void add_health(CLI::App& app, Context& context);
void add_budget(CLI::App& app, Context& context);
void add_proposals(CLI::App& app, Context& context);
void add_alerts(CLI::App& app, Context& context);
void add_tool(CLI::App& app, Context& context);
void add_mcp(CLI::App& app, Context& context);
void add_dashboard(CLI::App& app, Context& context);
void add_repl(CLI::App& app, Context& context);
void add_challenge(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

}  // namespace oppen::cli
