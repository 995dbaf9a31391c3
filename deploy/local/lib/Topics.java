import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;

/**
 * Waits for the brokers and creates the topics of a table, all in one request. Those that are there stay as they are, but
 * for a number of partitions that differs, which is an error: records would go elsewhere.
 *
 * <p>Arguments: brokers, the file with the table.
 */
public class Topics {
  public static void main(String[] args) throws Exception {
    var settings = new java.util.Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("default.api.timeout.ms", "60000");
    settings.put("reconnect.backoff.ms", "50");
    settings.put("reconnect.backoff.max.ms", "200");
    settings.put("retry.backoff.ms", "50");

    List<NewTopic> wanted = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(args[1]))) {
      if (line.isBlank() || line.startsWith("#")) continue;
      String[] fields = line.trim().split("\\s+");
      Map<String, String> config = new HashMap<>();
      config.put("retention.ms", Long.toString(TimeUnit.DAYS.toMillis(Long.parseLong(fields[2]))));
      if (fields.length > 3) config.put("max.message.bytes", fields[3]);
      wanted.add(
          new NewTopic(fields[0], Optional.of(Integer.parseInt(fields[1])), Optional.empty())
              .configs(config));
    }
    try (Admin admin = Admin.create(settings)) {
      var created = admin.createTopics(wanted);
      for (NewTopic topic : wanted) {
        try {
          created.values().get(topic.name()).get();
        } catch (ExecutionException e) {
          if (!(e.getCause() instanceof TopicExistsException)) throw e;
          int there =
              admin.describeTopics(List.of(topic.name())).allTopicNames().get()
                  .get(topic.name()).partitions().size();
          if (there != topic.numPartitions()) {
            System.err.printf(
                "topic %s has %d partitions and must have %d: add partitions, or delete it if its records may go%n",
                topic.name(), there, topic.numPartitions());
            System.exit(1);
          }
        }
      }
    }
  }
}
