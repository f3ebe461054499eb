import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

// Transactions of Java's producer, told line by line on standard input what to do; each line is
// answered when it is done.
//
//   send PRODUCER TOPIC KEY VALUE NAME=VALUE...   in the producer's transaction, which it begins; in base64
//   commit PRODUCER
//   abort PRODUCER
public class Transactions {
    public static void main(String[] args) throws Exception {
        Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
        Map<String, Boolean> open = new HashMap<>();
        Base64.Decoder base64 = Base64.getDecoder();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready");
        for (String line; (line = in.readLine()) != null; ) {
            String[] word = line.split(" ", -1);
            KafkaProducer<byte[], byte[]> producer = producers.computeIfAbsent(word[1], name -> {
                KafkaProducer<byte[], byte[]> p = new KafkaProducer<>(
                    Map.of("bootstrap.servers", args[0], "transactional.id", name, "max.block.ms", "30000", "transaction.timeout.ms", "60000"),
                    new ByteArraySerializer(), new ByteArraySerializer());
                p.initTransactions();
                return p;
            });
            switch (word[0]) {
                case "send" -> {
                    if (open.put(word[1], true) == null) {
                        producer.beginTransaction();
                    }
                    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(word[2], base64.decode(word[3]), base64.decode(word[4]));
                    for (int i = 5; i < word.length; i++) {
                        int equals = word[i].indexOf('=');
                        record.headers().add(word[i].substring(0, equals), base64.decode(word[i].substring(equals + 1)));
                    }
                    producer.send(record).get();
                }
                case "commit" -> {
                    producer.commitTransaction();
                    open.remove(word[1]);
                }
                case "abort" -> {
                    producer.abortTransaction();
                    open.remove(word[1]);
                }
                default -> throw new IllegalArgumentException(line);
            }
            System.out.println("done");
        }
        System.exit(0); // what is open stays open, as where a process is killed
    }
}
