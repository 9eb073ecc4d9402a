package compat

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func at(topic string, partition int32, offset kgo.Offset) kgo.Opt {
	return kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: offset}})
}

func TestASeekIntoABatchStartsAtThatOffset(t *testing.T) {
	t.Parallel()
	topic := topic(t, "mid-batch", 1)
	fill(t, topic, 0, 100)
	records := take(t, client(t, at(topic, 0, kgo.NewOffset().At(57))), 43)
	equal(t, "first offset", records[0].Offset, 57)
	equal(t, "first value", string(records[0].Value), "v57")
}

func TestOffsetsByTimestamp(t *testing.T) {
	t.Parallel()
	topic := topic(t, "times", 2)
	base := time.Now().Add(-time.Hour).Truncate(time.Second)
	cl := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for round := range 10 {
		var batch []*kgo.Record
		for i := round * 10; i < round*10+10; i++ {
			batch = append(batch, &kgo.Record{Topic: topic, Value: strconv.AppendInt(nil, int64(i), 10), Timestamp: base.Add(time.Duration(i) * time.Second)})
		}
		ok(t, cl.ProduceSync(contextFor(t), batch...).FirstErr())
	}
	adm := admin(t)
	for _, c := range []struct {
		millis int64
		offset int64
	}{{base.UnixMilli(), 0}, {base.Add(9 * time.Second).UnixMilli(), 9}, {base.Add(55*time.Second).UnixMilli() + 1, 56}, {0, 0}, {base.Add(99 * time.Second).UnixMilli(), 99}} {
		listed, err := adm.ListOffsetsAfterMilli(contextFor(t), c.millis, topic)
		ok(t, err)
		o, _ := listed.Lookup(topic, 0)
		ok(t, o.Err)
		equal(t, fmt.Sprint("offset at ", c.millis), o.Offset, c.offset)
		equal(t, "its timestamp", o.Timestamp, base.Add(time.Duration(c.offset)*time.Second).UnixMilli())
	}
	late, err := adm.ListOffsetsAfterMilli(contextFor(t), base.Add(100*time.Second).UnixMilli(), topic)
	ok(t, err)
	o, _ := late.Lookup(topic, 0)
	equal(t, "after the last the end", o.Offset, 100)

	ends, err := adm.ListEndOffsets(contextFor(t), topic)
	ok(t, err)
	starts, err := adm.ListStartOffsets(contextFor(t), topic)
	ok(t, err)
	maxs, err := adm.ListMaxTimestampOffsets(contextFor(t), topic)
	ok(t, err)
	for p, want := range map[int32][3]int64{0: {0, 100, 99}, 1: {0, 0, -1}} {
		start, _ := starts.Lookup(topic, p)
		end, _ := ends.Lookup(topic, p)
		newest, _ := maxs.Lookup(topic, p)
		equal(t, fmt.Sprint("partition ", p), [3]int64{start.Offset, end.Offset, newest.Offset}, want)
	}

	records := take(t, client(t, at(topic, 0, kgo.NewOffset().AfterMilli(base.Add(42*time.Second).UnixMilli()))), 58)
	equal(t, "consumed from", string(records[0].Value), "42")
}

func TestByteLimitsBelowOneBatchStillMakeProgress(t *testing.T) {
	t.Parallel()
	topic := topic(t, "tiny-fetch", 2)
	for range 3 {
		fill(t, topic, 0, 20)
		fill(t, topic, 1, 20)
	}
	readAll(t, topic, 120, kgo.FetchMaxBytes(1), kgo.FetchMaxPartitionBytes(1))
}

func TestAWaitingFetchIsWokenByARecord(t *testing.T) {
	t.Parallel()
	topic := topic(t, "wake", 1)
	cl := client(t, at(topic, 0, kgo.NewOffset().AtStart()), kgo.FetchMaxWait(8*time.Second))
	producer := client(t)
	sent := make(chan time.Time, 1)
	time.AfterFunc(time.Second, func() {
		if err := producer.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
			t.Error(err)
		}
		sent <- time.Now()
	})
	take(t, cl, 1)
	arrived := time.Now()
	if late := arrived.Sub(<-sent); late > 3*time.Second {
		t.Fatalf("the record came %v after its acknowledgement", late)
	}
}

func TestReadCommittedSeesPlainRecords(t *testing.T) {
	t.Parallel()
	topic := topic(t, "committed", 1)
	fill(t, topic, 0, 30)
	readAll(t, topic, 30, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
}

func TestOffsetsOutsideTheLog(t *testing.T) {
	t.Parallel()
	topic := topic(t, "out-of-range", 1)
	fill(t, topic, 0, 20)
	var trim kadm.Offsets
	trim.AddOffset(topic, 0, 10, -1)
	_, err := admin(t).DeleteRecords(contextFor(t), trim)
	ok(t, err)
	for _, outside := range []int64{5, 30} {
		cl := client(t, at(topic, 0, kgo.NewOffset().At(outside)), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
		fails(t, fmt.Sprint("offset ", outside), cl.PollFetches(contextFor(t)).Err(), kerr.OffsetOutOfRange)
	}
	equal(t, "reset to the start", readAll(t, topic, 10)[0].Offset, 10)
}

func TestManyPartitionsInOneSession(t *testing.T) {
	t.Parallel()
	const partitions = 40
	topic := topic(t, "session", partitions)
	cl := client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	producer := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for round := range 5 {
		var batch []*kgo.Record
		for p := int32(round); p < partitions; p += 7 {
			batch = append(batch, &kgo.Record{Topic: topic, Partition: p, Value: fmt.Appendf(nil, "%d:%d", round, p)})
		}
		ok(t, producer.ProduceSync(contextFor(t), batch...).FirstErr())
		for _, r := range take(t, cl, len(batch)) {
			equal(t, "value", string(r.Value), fmt.Sprintf("%d:%d", round, r.Partition))
		}
	}
}
