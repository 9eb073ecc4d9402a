package trine.sqs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.BatchEntryIdsNotDistinctException;
import software.amazon.awssdk.services.sqs.model.ChangeMessageVisibilityBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.EmptyBatchRequestException;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeNameException;
import software.amazon.awssdk.services.sqs.model.InvalidMessageContentsException;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;
import software.amazon.awssdk.services.sqs.model.ResourceNotFoundException;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** Every action through the AWS SDK for Java v2, which checks all checksums itself and knows errors by their type. */
@Timeout(90)
class SqsTest {
    private static final SqsClient SQS = SqsClient.builder()
            .endpointOverride(URI.create("http://" + System.getenv("TRINE_AWS")))
            .region(Region.US_EAST_1)
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .build();

    private final List<String> made = new ArrayList<>();

    @AfterEach
    void deleteQueues() {
        for (String url : made) {
            try {
                SQS.deleteQueue(r -> r.queueUrl(url));
            } catch (QueueDoesNotExistException gone) {
                // The test deleted it.
            }
        }
    }

    private String queue(String suffix, Map<QueueAttributeName, String> attributes) {
        String url = SQS.createQueue(r -> r.queueName("java-" + UUID.randomUUID() + suffix).attributes(attributes)).queueUrl();
        made.add(url);
        return url;
    }

    private static Map<QueueAttributeName, String> attributes(String url) {
        return SQS.getQueueAttributes(r -> r.queueUrl(url).attributeNames(QueueAttributeName.ALL)).attributes();
    }

    private static List<Message> receive(String url, int count) {
        return SQS.receiveMessage(r -> r.queueUrl(url)
                        .maxNumberOfMessages(count)
                        .waitTimeSeconds(2)
                        .messageAttributeNames("All")
                        .messageSystemAttributeNames(MessageSystemAttributeName.ALL))
                .messages();
    }

    private static List<String> bodies(List<Message> messages) {
        return messages.stream().map(Message::body).toList();
    }

    private static void eventually(String what, BooleanSupplier check) throws InterruptedException {
        long end = System.currentTimeMillis() + 20_000;
        while (!check.getAsBoolean()) {
            assertTrue(System.currentTimeMillis() < end, "not in time: " + what);
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    @Test
    void queues() {
        String url = queue("", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "5"));
        String name = url.substring(url.lastIndexOf('/') + 1);
        assertEquals(url, SQS.getQueueUrl(r -> r.queueName(name)).queueUrl());
        assertEquals(List.of(url), SQS.listQueuesPaginator(r -> r.queueNamePrefix(name).maxResults(1)).queueUrls().stream().toList());
        SQS.tagQueue(r -> r.queueUrl(url).tags(Map.of("a", "b", "c", "d")));
        SQS.untagQueue(r -> r.queueUrl(url).tagKeys("a"));
        assertEquals(Map.of("c", "d"), SQS.listQueueTags(r -> r.queueUrl(url)).tags());
        SQS.setQueueAttributes(r -> r.queueUrl(url).attributes(Map.of(QueueAttributeName.DELAY_SECONDS, "1")));
        assertEquals("1", attributes(url).get(QueueAttributeName.DELAY_SECONDS));
        SQS.addPermission(r -> r.queueUrl(url).label("one").awsAccountIds("111111111111").actions("SendMessage"));
        assertTrue(attributes(url).get(QueueAttributeName.POLICY).contains("SQS:SendMessage"));
        SQS.removePermission(r -> r.queueUrl(url).label("one"));
        SQS.purgeQueue(r -> r.queueUrl(url));
        assertThrows(
                QueueNameExistsException.class,
                () -> SQS.createQueue(r -> r.queueName(name).attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "6"))));
        assertThrows(
                InvalidAttributeNameException.class,
                () -> SQS.setQueueAttributes(r -> r.queueUrl(url).attributesWithStrings(Map.of("Nosuch", "1"))));
        SQS.deleteQueue(r -> r.queueUrl(url));
        assertThrows(QueueDoesNotExistException.class, () -> SQS.getQueueUrl(r -> r.queueName(name)));
    }

    @Test
    void messages() {
        String url = queue("", Map.of());
        byte[] bytes = {0, 1, -2, -1};
        var sent = SQS.sendMessage(r -> r.queueUrl(url)
                .messageBody("caf\u00e9\r\n\"<&>\"")
                .messageAttributes(Map.of(
                        "text", MessageAttributeValue.builder().dataType("String").stringValue("\u20ac\r\n<&>").build(),
                        "number", MessageAttributeValue.builder().dataType("Number.int").stringValue("42").build(),
                        "bytes", MessageAttributeValue.builder().dataType("Binary").binaryValue(SdkBytes.fromByteArray(bytes)).build())));
        Message message = receive(url, 10).get(0);
        assertEquals("caf\u00e9\r\n\"<&>\"", message.body());
        assertEquals(sent.messageId(), message.messageId());
        assertEquals(sent.md5OfMessageAttributes(), message.md5OfMessageAttributes());
        assertArrayEquals(bytes, message.messageAttributes().get("bytes").binaryValue().asByteArray());
        SQS.changeMessageVisibility(r -> r.queueUrl(url).receiptHandle(message.receiptHandle()).visibilityTimeout(0));
        Message again = receive(url, 10).get(0);
        assertEquals("2", again.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
        SQS.deleteMessage(r -> r.queueUrl(url).receiptHandle(again.receiptHandle()));
        assertFalse(SQS.receiveMessage(r -> r.queueUrl(url)).hasMessages());
        assertThrows(ReceiptHandleIsInvalidException.class, () -> SQS.deleteMessage(r -> r.queueUrl(url).receiptHandle("rubbish")));
        assertThrows(InvalidMessageContentsException.class, () -> SQS.sendMessage(r -> r.queueUrl(url).messageBody("a\u0001b")));
        SqsException tooLong = assertThrows(SqsException.class, () -> SQS.sendMessage(r -> r.queueUrl(url).messageBody("x".repeat(1_048_577))));
        assertEquals(400, tooLong.statusCode());
    }

    @Test
    void batches() {
        String url = queue("", Map.of());
        List<SendMessageBatchRequestEntry> entries = new ArrayList<>();
        List<String> wanted = new ArrayList<>();
        for (int number = 0; number < 9; number++) {
            wanted.add("body " + number);
            entries.add(SendMessageBatchRequestEntry.builder().id("e" + number).messageBody("body " + number).build());
        }
        entries.add(SendMessageBatchRequestEntry.builder().id("bad").messageBody("x").delaySeconds(1000).build());
        var answer = SQS.sendMessageBatch(r -> r.queueUrl(url).entries(entries));
        assertEquals(9, answer.successful().size());
        assertEquals("bad", answer.failed().get(0).id());
        List<Message> messages = receive(url, 10);
        assertEquals(wanted, bodies(messages));
        var changes = messages.stream()
                .map(m -> ChangeMessageVisibilityBatchRequestEntry.builder().id(m.messageId()).receiptHandle(m.receiptHandle()).visibilityTimeout(100).build())
                .toList();
        assertEquals(9, SQS.changeMessageVisibilityBatch(r -> r.queueUrl(url).entries(changes)).successful().size());
        List<DeleteMessageBatchRequestEntry> deletes = new ArrayList<>(messages.stream()
                .map(m -> DeleteMessageBatchRequestEntry.builder().id(m.messageId()).receiptHandle(m.receiptHandle()).build())
                .toList());
        deletes.add(DeleteMessageBatchRequestEntry.builder().id("junk").receiptHandle("junk").build());
        var deleted = SQS.deleteMessageBatch(r -> r.queueUrl(url).entries(deletes));
        assertEquals(9, deleted.successful().size());
        assertEquals("ReceiptHandleIsInvalid", deleted.failed().get(0).code());
        assertThrows(EmptyBatchRequestException.class, () -> SQS.sendMessageBatch(r -> r.queueUrl(url).entries(List.of())));
        assertThrows(
                BatchEntryIdsNotDistinctException.class,
                () -> SQS.sendMessageBatch(r -> r.queueUrl(url).entries(entries.get(0), entries.get(0))));
    }

    @Test
    void fifo() {
        String url = queue(".fifo", Map.of(QueueAttributeName.FIFO_QUEUE, "true", QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"));
        for (String body : List.of("a", "b", "a", "c")) {
            SQS.sendMessage(r -> r.queueUrl(url).messageBody(body).messageGroupId("g"));
        }
        assertEquals(List.of("a", "b", "c"), bodies(receive(url, 10)));
    }

    @Test
    void deadLetters() throws Exception {
        String dead = queue("", Map.of());
        String url = queue("", Map.of());
        String arn = attributes(dead).get(QueueAttributeName.QUEUE_ARN);
        String policy = "{\"deadLetterTargetArn\":\"" + arn + "\",\"maxReceiveCount\":1}";
        SQS.setQueueAttributes(r -> r.queueUrl(url).attributes(Map.of(QueueAttributeName.REDRIVE_POLICY, policy)));
        assertEquals(List.of(url), SQS.listDeadLetterSourceQueues(r -> r.queueUrl(dead)).queueUrls());
        SQS.sendMessage(r -> r.queueUrl(url).messageBody("poison"));
        eventually("it is dead", () -> {
            SQS.receiveMessage(r -> r.queueUrl(url).visibilityTimeout(0));
            return attributes(dead).get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES).equals("1");
        });
        assertFalse(SQS.startMessageMoveTask(r -> r.sourceArn(arn)).taskHandle().isEmpty());
        eventually("the task is complete", () -> SQS.listMessageMoveTasks(r -> r.sourceArn(arn)).results().get(0).status().equals("COMPLETED"));
        assertEquals(List.of("poison"), bodies(receive(url, 10)));
        assertThrows(SqsException.class, () -> SQS.cancelMessageMoveTask(r -> r.taskHandle("rubbish")));
        assertThrows(ResourceNotFoundException.class, () -> SQS.startMessageMoveTask(r -> r.sourceArn(arn + "-nosuch")));
    }
}
