// Holds a pod's namespaces open: the container that every pod of the local node starts with. It is
// process 1 of the pod where containers share a process namespace, so it also reaps the orphans.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) return 1;
    if (signal != SIGCHLD) return 0;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}
