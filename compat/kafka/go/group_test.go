package compat

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func fillAll(t *testing.T, topic string, partitions int32, n int) {
	t.Helper()
	for p := range partitions {
		fill(t, topic, p, n)
	}
}

// complete checks that every offset came exactly once, in order within each partition.
func (in *inbox) complete(t *testing.T, partitions, perPartition int) {
	t.Helper()
	next := map[int32]int64{}
	for _, r := range in.records {
		equal(t, fmt.Sprint("offset of partition ", r.Partition), r.Offset, next[r.Partition])
		next[r.Partition]++
	}
	equal(t, "partitions", len(next), partitions)
	for p, n := range next {
		equal(t, fmt.Sprint("records of partition ", p), n, int64(perPartition))
	}
}

func committedSum(t *testing.T, adm *kadm.Client, group string) int64 {
	t.Helper()
	offsets, err := adm.FetchOffsets(contextFor(t), group)
	ok(t, err)
	var sum int64
	offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
	return sum
}

func TestMembersJoinLeaveAndEveryRecordArrives(t *testing.T) {
	for name, balancer := range map[string]kgo.GroupBalancer{
		"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(), "sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic, group, adm, in := topic(t, "members", 6), unique("members"), admin(t), &inbox{}
			opt := kgo.Balancers(balancer)
			fillAll(t, topic, 6, 50)
			a := join(t, group, topic, in, opt)
			eventually(t, "one member owns all", func() bool { return a.count(topic) == 6 && in.len() == 300 })
			b := join(t, group, topic, in, opt)
			eventually(t, "two share", func() bool { return a.count(topic) == 3 && b.count(topic) == 3 })
			fillAll(t, topic, 6, 50)
			eventually(t, "second records", func() bool { return in.len() == 600 })
			c := join(t, group, topic, in, opt)
			eventually(t, "three share", func() bool { return a.count(topic) == 2 && b.count(topic) == 2 && c.count(topic) == 2 })
			b.leave()
			eventually(t, "two share again", func() bool { return a.count(topic) == 3 && c.count(topic) == 3 })
			fillAll(t, topic, 6, 50)
			eventually(t, "third records", func() bool { return in.len() == 900 })
			c.leave()
			eventually(t, "one owns all again", func() bool { return a.count(topic) == 6 })
			fillAll(t, topic, 6, 50)
			eventually(t, "last records", func() bool { return in.len() == 1200 })
			eventually(t, "all is committed", func() bool { return committedSum(t, adm, group) == 1200 })
			a.leave()
			in.complete(t, 6, 200)
		})
	}
}

func TestARestartedGroupGoesOnFromItsCommit(t *testing.T) {
	t.Parallel()
	topic, group, adm, in := topic(t, "restart", 3), unique("restart"), admin(t), &inbox{}
	for run := 1; run <= 2; run++ {
		fillAll(t, topic, 3, 100)
		m := join(t, group, topic, in)
		eventually(t, "its records", func() bool { return in.len() == run*300 && committedSum(t, adm, group) == int64(run*300) })
		m.leave()
	}
	in.complete(t, 3, 200)
}

func TestStaticMembersKeepTheirPartitions(t *testing.T) {
	t.Parallel()
	topic, group, adm, in := topic(t, "static", 4), unique("static"), admin(t), &inbox{}
	one := []kgo.Opt{kgo.InstanceID("one"), kgo.SessionTimeout(30 * time.Second)}
	two := []kgo.Opt{kgo.InstanceID("two"), kgo.SessionTimeout(30 * time.Second)}
	stays := join(t, group, topic, in, one...)
	before := join(t, group, topic, in, two...)
	eventually(t, "two share", func() bool { return stays.count(topic) == 2 && before.count(topic) == 2 })
	_, generation := stays.cl.GroupMetadata()
	before.leave()
	after := join(t, group, topic, in, two...)
	eventually(t, "it is back", func() bool { return after.count(topic) == 2 })
	_, now := after.cl.GroupMetadata()
	equal(t, "generation", now, generation)

	_, err := adm.LeaveGroup(contextFor(t), kadm.LeaveGroup(group).InstanceIDs("one", "two"))
	ok(t, err)
	after.leave()
	stays.leave()
}

func TestCommitsCarryMetadata(t *testing.T) {
	t.Parallel()
	topic, group, adm := topic(t, "metadata", 2), unique("metadata"), admin(t)
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 42, LeaderEpoch: 0, Metadata: "naïve 元"})
	offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 0, LeaderEpoch: -1})
	ok(t, adm.CommitAllOffsets(contextFor(t), group, offsets))
	back, err := adm.FetchOffsets(contextFor(t), group)
	ok(t, err)
	p0, found := back.Lookup(topic, 0)
	equal(t, "found", found, true)
	equal(t, "offset", p0.At, 42)
	equal(t, "leader epoch", p0.LeaderEpoch, 0)
	equal(t, "metadata", p0.Metadata, "naïve 元")
	p1, _ := back.Lookup(topic, 1)
	equal(t, "leader epoch", p1.LeaderEpoch, -1)
}

func TestAnIdleMemberTakesOver(t *testing.T) {
	t.Parallel()
	topic, group, in := topic(t, "idle", 1), unique("idle"), &inbox{}
	a := join(t, group, topic, in)
	b := join(t, group, topic, in)
	eventually(t, "one owns it", func() bool { return a.count(topic)+b.count(topic) == 1 })
	fill(t, topic, 0, 50)
	eventually(t, "its records", func() bool { return in.len() == 50 })
	owner, other := a, b
	if b.count(topic) == 1 {
		owner, other = b, a
	}
	owner.leave()
	eventually(t, "the other owns it", func() bool { return other.count(topic) == 1 })
	fill(t, topic, 0, 50)
	eventually(t, "more records", func() bool { return in.len() == 100 })
	other.leave()
	in.complete(t, 1, 100)
}

func TestPatternSubscribersFindNewTopics(t *testing.T) {
	t.Parallel()
	prefix := unique("pattern")
	cl := client(t, kgo.ConsumerGroup(unique("pattern")), kgo.ConsumeRegex(), kgo.ConsumeTopics("^"+prefix+"-.*"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMaxAge(500*time.Millisecond))
	adm := admin(t)
	for _, name := range []string{prefix + "-one", prefix + "-two"} {
		created, err := adm.CreateTopic(contextFor(t), 1, 1, nil, name)
		ok(t, err)
		ok(t, created.Err)
		fill(t, name, 0, 20)
		equal(t, "topic", take(t, cl, 20)[19].Topic, name)
	}
}
