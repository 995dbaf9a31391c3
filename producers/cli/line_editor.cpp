#include "producers/cli/line_editor.hpp"

#include <fcntl.h>
#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <filesystem>

namespace oppen::cli {
namespace {

constexpr int history_lines = 1'000;

std::string common_beginning(const std::vector<std::string>& words) {
  std::string common = words.front();
  for (const auto& word : words) {
    std::size_t same = 0;
    while (same < common.size() && same < word.size() && common[same] == word[same]) ++same;
    common.resize(same);
  }
  return common;
}

}  // namespace

struct LineEditor::Impl {
  std::string prompt;
  std::string file;
  Complete complete;
  EditLine* editor = nullptr;
  History* lines = nullptr;

  static Impl& of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Impl*>(self);
  }

  static char* show_prompt(EditLine* editor) { return of(editor).prompt.data(); }

  static unsigned char on_tab(EditLine* editor, int) {
    const LineInfo* const info = el_line(editor);
    const std::string_view line(info->buffer,
                                static_cast<std::size_t>(info->cursor - info->buffer));
    const auto found = of(editor).complete(line);
    if (found.words.empty()) return CC_REFRESH_BEEP;
    const auto typed = line.substr(found.begin);
    std::string more = common_beginning(found.words).substr(typed.size());
    if (found.words.size() == 1) more += ' ';
    if (!more.empty()) return el_insertstr(editor, more.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    std::fputc('\n', stdout);
    for (const auto& word : found.words) std::fprintf(stdout, "%s  ", word.c_str());
    std::fputc('\n', stdout);
    std::fflush(stdout);
    return CC_REDISPLAY;
  }
};

LineEditor::LineEditor(std::string prompt, std::string history_file, Complete complete)
    : impl_(std::make_unique<Impl>()) {
  std::setlocale(LC_CTYPE, "");  // libedit counts columns by it
  impl_->prompt = std::move(prompt);
  impl_->file = std::move(history_file);
  impl_->complete = std::move(complete);
  impl_->lines = history_init();
  HistEvent event;
  history(impl_->lines, &event, H_SETSIZE, history_lines);
  history(impl_->lines, &event, H_SETUNIQUE, 1);
  if (!impl_->file.empty()) history(impl_->lines, &event, H_LOAD, impl_->file.c_str());

  EditLine* const editor = impl_->editor = el_init("oppen", stdin, stdout, stderr);
  el_set(editor, EL_CLIENTDATA, impl_.get());
  el_set(editor, EL_PROMPT, &Impl::show_prompt);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_HIST, history, impl_->lines);
  el_set(editor, EL_ADDFN, "oppen-complete", "Complete the word", &Impl::on_tab);
  el_set(editor, EL_BIND, "^I", "oppen-complete", nullptr);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // While a line is edited, Ctrl-C is a key and no signal.
  el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
  el_set(editor, EL_BIND, "^C", "ed-start-over", nullptr);
  el_source(editor, nullptr);  // the user's ~/.editrc
}

LineEditor::~LineEditor() {
  el_end(impl_->editor);
  history_end(impl_->lines);
}

std::optional<std::string> LineEditor::read() {
  int count = 0;
  const char* const text = el_gets(impl_->editor, &count);
  if (text == nullptr || count <= 0) return std::nullopt;
  std::string line(text, static_cast<std::size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  return line;
}

void LineEditor::remember(const std::string& line) {
  if (line.empty() || line.starts_with(' ')) return;
  HistEvent event;
  history(impl_->lines, &event, H_ENTER, line.c_str());
  if (!impl_->file.empty()) history(impl_->lines, &event, H_SAVE, impl_->file.c_str());
}

std::string history_file() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  std::filesystem::path folder;
  if (state != nullptr && *state == '/') {  // others are to be ignored, as its specification says
    folder = state;
  } else if (home != nullptr && *home == '/') {
    folder = std::filesystem::path(home) / ".local" / "state";
  } else {
    return "";
  }
  folder /= "oppen";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const auto file = folder / "history";
  const int opened = open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (opened < 0) return "";
  const bool ours = fchmod(opened, 0600) == 0;
  close(opened);
  return ours ? file.string() : "";
}

}  // namespace oppen::cli
