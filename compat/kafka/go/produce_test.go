package compat

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func TestEveryCodecKeepsKeysHeadersAndOrder(t *testing.T) {
	for name, codec := range codecs {
		for _, idempotent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s,idempotent=%v", name, idempotent), func(t *testing.T) {
				t.Parallel()
				const n = 600
				topic := topic(t, "codec-"+name, 3)
				opts := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(5 * time.Millisecond), kgo.RequiredAcks(kgo.AllISRAcks())}
				if !idempotent {
					opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
				}
				base := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
				records := make([]*kgo.Record, n)
				for i := range records {
					records[i] = &kgo.Record{
						Topic: topic, Timestamp: base.Add(time.Duration(i) * time.Millisecond),
						Key: fmt.Appendf(nil, "key-%d", i%17), Value: append(fmt.Appendf(nil, "value %d ", i), bytes.Repeat([]byte("x"), i%200)...),
						Headers: []kgo.RecordHeader{
							{Key: "n", Value: strconv.AppendInt(nil, int64(i), 10)}, {Key: "twice", Value: []byte("a")},
							{Key: "twice", Value: []byte("b")}, {Key: "null"}, {Key: "empty", Value: []byte{}},
						},
					}
				}
				ok(t, client(t, opts...).ProduceSync(contextFor(t), records...).FirstErr())

				last := map[string]int{}
				next := map[int32]int64{}
				for _, r := range readAll(t, topic, n) {
					equal(t, "headers", len(r.Headers), 5)
					i, err := strconv.Atoi(string(r.Headers[0].Value))
					ok(t, err)
					sent := records[i]
					equal(t, "key", string(r.Key), string(sent.Key))
					equal(t, "value", string(r.Value), string(sent.Value))
					equal(t, "timestamp", r.Timestamp.UnixMilli(), sent.Timestamp.UnixMilli())
					equal(t, "partition", r.Partition, sent.Partition)
					equal(t, "offset", r.Offset, sent.Offset)
					equal(t, "offset order", r.Offset, next[r.Partition])
					next[r.Partition]++
					equal(t, "headers", string(r.Headers[1].Value)+string(r.Headers[2].Value), "ab")
					equal(t, "null header", r.Headers[3].Value == nil, true)
					equal(t, "empty header", r.Headers[4].Value != nil && len(r.Headers[4].Value) == 0, true)
					if before, seen := last[string(r.Key)]; seen && before >= i {
						t.Fatalf("order of %s: %d then %d", r.Key, before, i)
					}
					last[string(r.Key)] = i
				}
			})
		}
	}
}

func TestEveryAcksLevelIsStored(t *testing.T) {
	for name, acks := range map[string]kgo.Acks{"none": kgo.NoAck(), "leader": kgo.LeaderAck(), "all": kgo.AllISRAcks()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic := topic(t, "acks", 1)
			cl := client(t, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
			for i := range 20 {
				ok(t, cl.ProduceSync(contextFor(t), &kgo.Record{Topic: topic, Value: strconv.AppendInt(nil, int64(i), 10)}).FirstErr())
			}
			for i, r := range readAll(t, topic, 20) {
				equal(t, "value", string(r.Value), strconv.Itoa(i))
			}
		})
	}
}

func TestNullAndEmptyKeysAndValues(t *testing.T) {
	t.Parallel()
	topic := topic(t, "nulls", 1)
	cl := client(t)
	parts := [][]byte{nil, {}, []byte("x")}
	for _, key := range parts {
		for _, value := range parts {
			ok(t, cl.ProduceSync(contextFor(t), &kgo.Record{Topic: topic, Key: key, Value: value}).FirstErr())
		}
	}
	same := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	for i, r := range readAll(t, topic, 9) {
		equal(t, "key", same(r.Key, parts[i/3]), true)
		equal(t, "value", same(r.Value, parts[i%3]), true)
	}
}

func TestManySmallBatchesStayInOrder(t *testing.T) {
	t.Parallel()
	const n = 5000
	topic := topic(t, "inflight", 2)
	cl := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(512), kgo.ProducerLinger(0))
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: int32(i % 2), Value: strconv.AppendInt(nil, int64(i), 10)}
	}
	ok(t, cl.ProduceSync(contextFor(t), records...).FirstErr())
	next := []int{0, 1}
	for _, r := range readAll(t, topic, n) {
		equal(t, "value", string(r.Value), strconv.Itoa(next[r.Partition]))
		next[r.Partition] += 2
	}
}

func TestMessagesUpToTheLimitAndNoFurther(t *testing.T) {
	t.Parallel()
	// Record batch header (61) and the fields around one uncompressed record of about 1 MiB without key.
	const overhead, limit = 61 + 3 + 1 + 1 + 1 + 1 + 3 + 1, 1048588
	topic := topic(t, "large", 1)
	cl := client(t, kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0))
	largest := make([]byte, limit-overhead)
	largest[len(largest)-1] = 7
	ok(t, cl.ProduceSync(contextFor(t), &kgo.Record{Topic: topic, Value: largest}).FirstErr())
	err := cl.ProduceSync(contextFor(t), &kgo.Record{Topic: topic, Value: make([]byte, len(largest)+1)}).FirstErr()
	fails(t, "one byte more", err, kerr.MessageTooLarge)
	ok(t, cl.ProduceSync(contextFor(t), &kgo.Record{Topic: topic, Value: []byte("after")}).FirstErr())
	records := readAll(t, topic, 2)
	equal(t, "the largest", bytes.Equal(records[0].Value, largest), true)
	equal(t, "the next", string(records[1].Value), "after")
}

func TestLogAppendTimeReplacesTheTimestamp(t *testing.T) {
	t.Parallel()
	topic := topic(t, "append-time", 1, "message.timestamp.type", "LogAppendTime")
	before := time.Now().UnixMilli()
	ok(t, client(t).ProduceSync(contextFor(t), &kgo.Record{Topic: topic, Value: []byte("x"), Timestamp: time.UnixMilli(1000)}).FirstErr())
	r := readAll(t, topic, 1)[0]
	equal(t, "at or after the send", r.Timestamp.UnixMilli() >= before, true)
	equal(t, "timestamp type", r.Attrs.TimestampType(), int8(1))
}

func TestProduceErrors(t *testing.T) {
	t.Parallel()
	produce := func(r *kgo.Record, opts ...kgo.Opt) error {
		return client(t, opts...).ProduceSync(contextFor(t), r).FirstErr()
	}
	// Without automatic creation the client gives up on a topic the server keeps calling unknown.
	fails(t, "unknown topic", produce(&kgo.Record{Topic: unique("unknown"), Value: []byte("x")}, kgo.UnknownTopicRetries(1)),
		kerr.UnknownTopicOrPartition)
	fails(t, "invalid name", produce(&kgo.Record{Topic: "no/slash", Value: []byte("x")}), kerr.InvalidTopicException)
	fails(t, "no key on a compacted topic", produce(&kgo.Record{Topic: topic(t, "compact", 1, "cleanup.policy", "compact"), Value: []byte("x")}),
		kerr.InvalidRecord)
	fails(t, "timestamp in the future", produce(&kgo.Record{Topic: topic(t, "future", 1), Value: []byte("x"), Timestamp: time.Now().Add(2 * time.Hour)}),
		kerr.InvalidTimestamp)

	automatic := unique("auto")
	ok(t, produce(&kgo.Record{Topic: automatic, Value: []byte("x")}, kgo.AllowAutoTopicCreation()))
	equal(t, "value", string(readAll(t, automatic, 1)[0].Value), "x")
}
