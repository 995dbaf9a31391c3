// oppen-anomaly: tells what is unusual. So far it scores files; the worker that watches the bus is not there yet.
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "workers/anomaly/score/score.hpp"

namespace {

constexpr auto help =
    R"(Usage: oppen-anomaly score FILE|-

Tells how unusual each value of a series is. Only the subcommand score is there: the worker that watches costs, GPUs and
queues, and raises alerts, is not part of this version.

oppen-anomaly score --help says more.
)";

constexpr auto score_help =
    R"(Usage: oppen-anomaly score FILE|-

Reads a series as CSV and prints each row with an anomaly score, from 0 (usual) to 1, as the detector would have given it at
that moment: it knows what came before, and nothing of what comes after. Tells on your own history what would have been told.

FILE   rows timestamp,value in order of time, with or without these names as the first line; - for standard input, of which
       each row is answered as soon as it is there
         timestamp   2026-01-03T18:15:00Z (RFC 3339) or 2026-01-03 18:15:00 (UTC)
         value       a number from -1e30 to 1e30

Prints timestamp,value,anomaly_score. A score of 0.5 is what the detector takes for an anomaly; 0 stands also for what
repeats an anomaly of the last 50 rows, and for the first 21 rows. It scores well once it has seen a few days, so let the
series begin some days before what you look for. Ten minutes' rows of a month are read in some milliseconds.

Exit codes: 0 done, 1 the scores can't be written, 2 bad usage or input; the message names line, field and value.

Examples
  oppen-anomaly score gpu-hours.csv > scores.csv
  oppen-anomaly score gpu-hours.csv | awk -F, 'NR > 1 && $3 >= 0.5'              what is an anomaly
  oppen-anomaly score gpu-hours.csv | sort -t, -k3,3gr | head                    the most unusual moments
  tail -n +1 -f utilisation.csv | oppen-anomaly score -                          as it grows
)";

int say(std::FILE* to, const std::string& text, int exit_code) {
  std::fputs(text.c_str(), to);
  return exit_code;
}
int refuse(const std::string& why, int exit_code = 2) {
  return say(stderr, "oppen-anomaly: " + why + "\n", exit_code);
}

int score_file(const std::string& path) {
  std::ios::sync_with_stdio(false);
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file) return refuse(path + " can't be read: " + std::strerror(errno));
  }
  std::istream& in = path == "-" ? std::cin : file;
  const auto status = oppen::anomaly::score(in, path == "-" ? "standard input" : path, std::cout);
  if (status) return 0;
  return refuse(status.error().message, status.error().kind == oppen::ErrorKind::fatal ? 1 : 2);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty())
    return refuse(
        "only the subcommand score is there: the worker is not part of this version; see "
        "oppen-anomaly --help");
  if (words[0] == "-h" || words[0] == "--help") return say(stdout, help, 0);
  if (words[0] != "score")
    return refuse(words[0] + " is no subcommand: expected score; see oppen-anomaly --help");
  if (words.size() == 2 && (words[1] == "-h" || words[1] == "--help"))
    return say(stdout, score_help, 0);
  if (words.size() != 2 || (words[1].starts_with('-') && words[1] != "-"))
    return refuse("score takes one FILE, or - for standard input; see oppen-anomaly score --help");
  return score_file(words[1]);
}
