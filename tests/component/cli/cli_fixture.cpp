#include "tests/component/cli/cli_fixture.hpp"

#include <sstream>

#include "producers/cli/app.hpp"

namespace oppen::cli {
namespace {

// Takes no more after some lines, as a pipe that was closed.
class LimitedBuffer final : public std::streambuf {
 public:
  explicit LimitedBuffer(int lines) : left_(lines) {}
  const std::string& text() const { return text_; }

 protected:
  int_type overflow(int_type c) override {
    if (left_ <= 0) return traits_type::eof();
    if (c == '\n') --left_;
    text_ += traits_type::to_char_type(c);
    return c;
  }
  int sync() override { return left_ > 0 ? 0 : -1; }

 private:
  int left_;
  std::string text_;
};

}  // namespace

CliFixture::CliFixture() {
  kafka_.create_topic("oppen.jobs", 1);
  kafka_.create_topic("oppen.runs", 12);
  kafka_.create_topic("oppen.control", 1);
  kafka_.create_topic("oppen.job-events", 12);
  kafka_.create_topic("oppen.dead-letter", 1);
  producer_ = *client::Producer::create(kafka_.settings(), {"job-events"});
}

CliFixture::~CliFixture() {
  scheduler_.request_stop();
  if (scheduler_.joinable()) scheduler_.join();
}

void CliFixture::publish(const Answer& answer) {
  const CloudEvent event{
      "id", "/oppen/scheduler", "dev.oppen." + answer.type + ".v1", SystemClock().now(),
      "",   answer.data};
  const auto sent =
      producer_->send_and_wait("job-events", encode(event, answer.key), std::chrono::seconds{20});
  ASSERT_TRUE(sent) << sent.error().message;
}

void CliFixture::answer_with(std::function<std::vector<Answer>(const CloudEvent&)> script) {
  scheduler_ = std::jthread([this, script = std::move(script)](const std::stop_token& stop) {
    const auto consumer = *client::Consumer::create(kafka_.settings(), "");
    ASSERT_TRUE(consumer->assign({{{"jobs", 0}, client::Consumer::beginning}}));
    while (!stop.stop_requested()) {
      const auto record = consumer->poll(std::chrono::milliseconds{100});
      if (!record || !*record) continue;
      for (const auto& answer : script(*decode((*record)->record))) publish(answer);
    }
  });
}

Outcome CliFixture::run_with(std::ostream& out, std::vector<std::string> words,
                             const std::string& input) {
  words.insert(words.begin(), {"oppen", "--kafka-brokers", kafka_.settings().brokers,
                               "--console-url", console_url_});
  std::vector<const char*> argv;
  for (const auto& word : words) argv.push_back(word.c_str());
  std::istringstream in(input);
  std::ostringstream err;
  Context context(in, out, err);
  const int exit_code = run_app(context, static_cast<int>(argv.size()), argv.data());
  return {exit_code, "", err.str()};
}

Outcome CliFixture::run(std::vector<std::string> words, const std::string& input) {
  std::ostringstream out;
  Outcome outcome = run_with(out, std::move(words), input);
  outcome.out = out.str();
  return outcome;
}

std::string CliFixture::run_for_lines(std::vector<std::string> words, int lines) {
  LimitedBuffer buffer(lines);
  std::ostream out(&buffer);
  run_with(out, std::move(words), "");
  return buffer.text();
}

}  // namespace oppen::cli
