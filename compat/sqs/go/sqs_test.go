// Stock AWS SDK for Go v2: every action, typed errors, and the checksums that this SDK verifies.
package sqs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const patience = 20 * time.Second

func connect() *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint:     aws.String("http://" + os.Getenv("TRINE_AWS")),
		Region:           "us-east-1",
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	})
}

// must fails the test when a call did, and gives its answer.
func must[T any](t *testing.T) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

func unique(suffix string) string {
	var random [8]byte
	_, _ = rand.Read(random[:])
	return "go-" + hex.EncodeToString(random[:]) + suffix
}

type suite struct {
	*testing.T
	ctx context.Context
	sqs *sqs.Client
}

func start(t *testing.T) suite {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	return suite{t, ctx, connect()}
}

func (s suite) queue(suffix string, attributes map[string]string) *string {
	s.Helper()
	made := must[*sqs.CreateQueueOutput](s.T)(s.sqs.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: aws.String(unique(suffix)), Attributes: attributes}))
	s.Cleanup(func() {
		_, _ = s.sqs.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl})
	})
	return made.QueueUrl
}

func (s suite) attributes(url *string) map[string]string {
	s.Helper()
	return must[*sqs.GetQueueAttributesOutput](s.T)(s.sqs.GetQueueAttributes(s.ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})).Attributes
}

func (s suite) receive(url *string, count int32) []types.Message {
	s.Helper()
	return must[*sqs.ReceiveMessageOutput](s.T)(s.sqs.ReceiveMessage(s.ctx, &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: count, WaitTimeSeconds: 2, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})).Messages
}

func (s suite) eventually(what string, check func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !check(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// refused wants a typed error.
func refused[E error](s suite, err error) {
	s.Helper()
	var typed E
	if !errors.As(err, &typed) {
		s.Fatalf("%v is no %s", err, reflect.TypeFor[E]())
	}
}

// code wants an API error whose code contains a word.
func (s suite) code(err error, word string) {
	s.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || !strings.Contains(api.ErrorCode(), word) {
		s.Fatalf("%v is no %s", err, word)
	}
}

func bodies(messages []types.Message) (found []string) {
	for _, message := range messages {
		found = append(found, *message.Body)
	}
	return
}

func TestQueues(t *testing.T) {
	s := start(t)
	url := s.queue("", map[string]string{"VisibilityTimeout": "5"})
	name := (*url)[strings.LastIndex(*url, "/")+1:]
	if found := must[*sqs.GetQueueUrlOutput](t)(s.sqs.GetQueueUrl(s.ctx, &sqs.GetQueueUrlInput{QueueName: &name})); *found.QueueUrl != *url {
		t.Fatal(*found.QueueUrl)
	}
	pages := sqs.NewListQueuesPaginator(s.sqs, &sqs.ListQueuesInput{QueueNamePrefix: &name, MaxResults: aws.Int32(1)})
	if page := must[*sqs.ListQueuesOutput](t)(pages.NextPage(s.ctx)); !slices.Equal(page.QueueUrls, []string{*url}) {
		t.Fatal(page.QueueUrls)
	}
	must[*sqs.TagQueueOutput](t)(s.sqs.TagQueue(s.ctx, &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"a": "b", "c": "d"}}))
	must[*sqs.UntagQueueOutput](t)(s.sqs.UntagQueue(s.ctx, &sqs.UntagQueueInput{QueueUrl: url, TagKeys: []string{"a"}}))
	if tags := must[*sqs.ListQueueTagsOutput](t)(s.sqs.ListQueueTags(s.ctx, &sqs.ListQueueTagsInput{QueueUrl: url})).Tags; len(tags) != 1 || tags["c"] != "d" {
		t.Fatal(tags)
	}
	must[*sqs.SetQueueAttributesOutput](t)(s.sqs.SetQueueAttributes(s.ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"DelaySeconds": "1"}}))
	if found := s.attributes(url); found["DelaySeconds"] != "1" || found["VisibilityTimeout"] != "5" {
		t.Fatal(found)
	}
	must[*sqs.AddPermissionOutput](t)(s.sqs.AddPermission(s.ctx, &sqs.AddPermissionInput{
		QueueUrl: url, Label: aws.String("one"), AWSAccountIds: []string{"111111111111"}, Actions: []string{"SendMessage"},
	}))
	must[*sqs.RemovePermissionOutput](t)(s.sqs.RemovePermission(s.ctx, &sqs.RemovePermissionInput{QueueUrl: url, Label: aws.String("one")}))
	must[*sqs.PurgeQueueOutput](t)(s.sqs.PurgeQueue(s.ctx, &sqs.PurgeQueueInput{QueueUrl: url}))
	must[*sqs.DeleteQueueOutput](t)(s.sqs.DeleteQueue(s.ctx, &sqs.DeleteQueueInput{QueueUrl: url}))
	_, err := s.sqs.GetQueueUrl(s.ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	refused[*types.QueueDoesNotExist](s, err)
	url = s.queue("", nil)
	_, err = s.sqs.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: aws.String((*url)[strings.LastIndex(*url, "/")+1:]), Attributes: map[string]string{"DelaySeconds": "9"}})
	refused[*types.QueueNameExists](s, err)
	_, err = s.sqs.SetQueueAttributes(s.ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"DelaySeconds": "901"}})
	refused[*types.InvalidAttributeValue](s, err)
	_, err = s.sqs.SetQueueAttributes(s.ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"Nosuch": "1"}})
	refused[*types.InvalidAttributeName](s, err)
}

func TestMessages(t *testing.T) {
	s := start(t)
	url := s.queue("", nil)
	attributes := map[string]types.MessageAttributeValue{
		"text":   {DataType: aws.String("String"), StringValue: aws.String("\u20ac\r\n<&>")},
		"number": {DataType: aws.String("Number.int"), StringValue: aws.String("42")},
		"bytes":  {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 254, 255}},
	}
	sent := must[*sqs.SendMessageOutput](t)(s.sqs.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("caf\u00e9\r\n"), MessageAttributes: attributes}))
	messages := s.receive(url, 10)
	if len(messages) != 1 || *messages[0].Body != "caf\u00e9\r\n" || *messages[0].MessageId != *sent.MessageId {
		t.Fatalf("%v", messages)
	}
	if *messages[0].MD5OfMessageAttributes != *sent.MD5OfMessageAttributes || !reflect.DeepEqual(messages[0].MessageAttributes["bytes"].BinaryValue, []byte{0, 1, 254, 255}) {
		t.Fatalf("%v", messages[0].MessageAttributes)
	}
	handle := messages[0].ReceiptHandle
	must[*sqs.ChangeMessageVisibilityOutput](t)(s.sqs.ChangeMessageVisibility(s.ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: handle}))
	messages = s.receive(url, 10)
	if messages[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("%v", messages[0].Attributes)
	}
	must[*sqs.DeleteMessageOutput](t)(s.sqs.DeleteMessage(s.ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: handle}))
	_, err := s.sqs.DeleteMessage(s.ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("rubbish")})
	refused[*types.ReceiptHandleIsInvalid](s, err)
	_, err = s.sqs.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("a\x01b")})
	refused[*types.InvalidMessageContents](s, err)
}

func TestBatches(t *testing.T) {
	s := start(t)
	url := s.queue("", nil)
	var entries []types.SendMessageBatchRequestEntry
	var want []string
	for number := range 9 {
		want = append(want, fmt.Sprint("body ", number))
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(number)), MessageBody: aws.String(want[number])})
	}
	entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String("bad"), MessageBody: aws.String("x"), DelaySeconds: 1000})
	answer := must[*sqs.SendMessageBatchOutput](t)(s.sqs.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries}))
	if len(answer.Successful) != 9 || len(answer.Failed) != 1 || *answer.Failed[0].Id != "bad" || !answer.Failed[0].SenderFault {
		t.Fatalf("%v", answer)
	}
	messages := s.receive(url, 10)
	if !slices.Equal(bodies(messages), want) {
		t.Fatal(bodies(messages))
	}
	var changes []types.ChangeMessageVisibilityBatchRequestEntry
	deletes := []types.DeleteMessageBatchRequestEntry{{Id: aws.String("junk"), ReceiptHandle: aws.String("junk")}}
	for number, message := range messages {
		id := aws.String(fmt.Sprint(number))
		changes = append(changes, types.ChangeMessageVisibilityBatchRequestEntry{Id: id, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 100})
		deletes = append(deletes, types.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: message.ReceiptHandle})
	}
	changed := must[*sqs.ChangeMessageVisibilityBatchOutput](t)(s.sqs.ChangeMessageVisibilityBatch(s.ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: changes}))
	deleted := must[*sqs.DeleteMessageBatchOutput](t)(s.sqs.DeleteMessageBatch(s.ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: deletes}))
	if len(changed.Successful) != 9 || len(deleted.Successful) != 9 || len(deleted.Failed) != 1 || *deleted.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Fatalf("%v %v", changed, deleted)
	}
	_, err := s.sqs.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{}})
	refused[*types.EmptyBatchRequest](s, err)
	_, err = s.sqs.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: append(entries, entries[0])})
	refused[*types.TooManyEntriesInBatchRequest](s, err)
	_, err = s.sqs.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{entries[0], entries[0]}})
	refused[*types.BatchEntryIdsNotDistinct](s, err)
}

func TestFifo(t *testing.T) {
	s := start(t)
	url := s.queue(".fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	for _, body := range []string{"a", "b", "a", "c"} {
		must[*sqs.SendMessageOutput](t)(s.sqs.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body, MessageGroupId: aws.String("g")}))
	}
	if found := bodies(s.receive(url, 10)); !slices.Equal(found, []string{"a", "b", "c"}) {
		t.Fatal(found)
	}
	_, err := s.sqs.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
	s.code(err, "MissingParameter")
}

func TestDeadLetters(t *testing.T) {
	s := start(t)
	dead, url := s.queue("", nil), s.queue("", nil)
	arn := s.attributes(dead)["QueueArn"]
	policy, _ := json.Marshal(map[string]any{"deadLetterTargetArn": arn, "maxReceiveCount": 1})
	must[*sqs.SetQueueAttributesOutput](t)(s.sqs.SetQueueAttributes(s.ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"RedrivePolicy": string(policy)}}))
	if sources := must[*sqs.ListDeadLetterSourceQueuesOutput](t)(s.sqs.ListDeadLetterSourceQueues(s.ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead})).QueueUrls; !slices.Equal(sources, []string{*url}) {
		t.Fatal(sources)
	}
	must[*sqs.SendMessageOutput](t)(s.sqs.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("poison")}))
	s.eventually("it is dead", func() bool {
		must[*sqs.ReceiveMessageOutput](t)(s.sqs.ReceiveMessage(s.ctx, &sqs.ReceiveMessageInput{QueueUrl: url, VisibilityTimeout: 1}))
		return s.attributes(dead)["ApproximateNumberOfMessages"] == "1"
	})
	must[*sqs.StartMessageMoveTaskOutput](t)(s.sqs.StartMessageMoveTask(s.ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn}))
	s.eventually("the task is complete", func() bool {
		tasks := must[*sqs.ListMessageMoveTasksOutput](t)(s.sqs.ListMessageMoveTasks(s.ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &arn}))
		return *tasks.Results[0].Status == "COMPLETED" && tasks.Results[0].ApproximateNumberOfMessagesMoved == 1
	})
	if found := bodies(s.receive(url, 10)); !slices.Equal(found, []string{"poison"}) {
		t.Fatal(found)
	}
	_, err := s.sqs.CancelMessageMoveTask(s.ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: aws.String("rubbish")})
	s.code(err, "InvalidParameterValue")
	_, err = s.sqs.StartMessageMoveTask(s.ctx, &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arn + "-nosuch")})
	refused[*types.ResourceNotFoundException](s, err)
}
