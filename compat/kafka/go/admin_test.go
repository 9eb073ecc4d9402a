package compat

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func set(topic string, partitions ...int32) kadm.TopicsSet {
	var s kadm.TopicsSet
	s.Add(topic, partitions...)
	return s
}

func offsetOf(topic string, partition int32, at int64) kadm.Offsets {
	var o kadm.Offsets
	o.AddOffset(topic, partition, at, -1)
	return o
}

func TestTheClusterIsOneReachableNode(t *testing.T) {
	t.Parallel()
	m, err := admin(t).BrokerMetadata(contextFor(t))
	ok(t, err)
	equal(t, "brokers", len(m.Brokers), 1)
	equal(t, "controller", m.Controller, m.Brokers[0].NodeID)
	equal(t, "has a cluster id", m.Cluster != "", true)
	versions, err := admin(t).ApiVersions(contextFor(t))
	ok(t, err)
	for _, v := range versions.Sorted() {
		ok(t, v.Err)
	}
}

func TestTopicsAreCreatedListedDescribedAndDeleted(t *testing.T) {
	t.Parallel()
	adm, name := admin(t), unique("life")
	retention := "123456789"
	created, err := adm.CreateTopic(contextFor(t), 3, 1, map[string]*string{"retention.ms": &retention}, name)
	ok(t, err)
	ok(t, created.Err)
	equal(t, "has an id", created.ID != kadm.TopicID{}, true)
	equal(t, "partitions", created.NumPartitions, 3)
	config := created.Configs["retention.ms"]
	equal(t, "config", config.MaybeValue(), retention)
	var detail kadm.TopicDetail
	eventually(t, "it is listed", func() bool {
		all, err := adm.ListTopics(contextFor(t))
		ok(t, err)
		detail = all[name]
		return len(detail.Partitions) == 3
	})
	equal(t, "id", detail.ID, created.ID)
	for _, p := range detail.Partitions.Sorted() {
		ok(t, p.Err)
		equal(t, "replicas", fmt.Sprint(p.Replicas, p.ISR), fmt.Sprint([]int32{p.Leader}, []int32{p.Leader}))
	}
	again, err := adm.CreateTopics(contextFor(t), 3, 1, nil, name)
	ok(t, err)
	fails(t, "create again", again[name].Err, kerr.TopicAlreadyExists)
	deleted, err := adm.DeleteTopics(contextFor(t), name, unique("none"))
	ok(t, err)
	for topic, d := range deleted {
		if topic == name {
			ok(t, d.Err)
		} else {
			fails(t, "delete unknown", d.Err, kerr.UnknownTopicOrPartition)
		}
	}
	eventually(t, "it is gone", func() bool {
		listed, err := adm.ListTopics(contextFor(t), name)
		ok(t, err)
		return listed[name].Err == kerr.UnknownTopicOrPartition
	})
}

func TestInvalidCreations(t *testing.T) {
	t.Parallel()
	adm := admin(t)
	create := func(partitions int32, name string, configs map[string]*string) error {
		resp, err := adm.CreateTopics(contextFor(t), partitions, 1, configs, name)
		ok(t, err)
		return resp[name].Err
	}
	for _, bad := range []string{"sp ace", "sla/sh", ".", "..", "ünicode", strings.Repeat("n", 250)} {
		fails(t, bad, create(1, bad, nil), kerr.InvalidTopicException)
	}
	fails(t, "no partitions", create(0, unique("zero"), nil), kerr.InvalidPartitions)
	word := "soon"
	fails(t, "bad config", create(1, unique("bad"), map[string]*string{"retention.ms": &word}), kerr.InvalidConfig)
	name := unique("validate")
	resp, err := adm.ValidateCreateTopics(contextFor(t), 1, 1, nil, name)
	ok(t, err)
	ok(t, resp[name].Err)
	listed, err := adm.ListTopics(contextFor(t), name)
	ok(t, err)
	fails(t, "only validated", listed[name].Err, kerr.UnknownTopicOrPartition)
	ok(t, create(-1, unique("defaults"), nil))
}

func TestPartitionsAreAdded(t *testing.T) {
	t.Parallel()
	adm, topic := admin(t), topic(t, "grow", 1)
	update := func(name string, n int) error {
		resp, err := adm.UpdatePartitions(contextFor(t), n, name)
		ok(t, err)
		return resp[name].Err
	}
	ok(t, update(topic, 4))
	eventually(t, "four partitions", func() bool {
		listed, err := adm.ListTopics(contextFor(t), topic)
		return err == nil && len(listed[topic].Partitions) == 4
	})
	fill(t, topic, 3, 1)
	fails(t, "fewer", update(topic, 2), kerr.InvalidPartitions)
	fails(t, "unknown", update(unique("none"), 2), kerr.UnknownTopicOrPartition)
}

func TestConfigs(t *testing.T) {
	t.Parallel()
	adm, topic := admin(t), topic(t, "configs", 1)
	value := func(key string) string {
		described, err := adm.DescribeTopicConfigs(contextFor(t), topic)
		ok(t, err)
		resource, err := described.On(topic, nil)
		ok(t, err)
		ok(t, resource.Err)
		i := slices.IndexFunc(resource.Configs, func(c kadm.Config) bool { return c.Key == key })
		if i < 0 {
			t.Fatalf("no config %s", key)
		}
		return resource.Configs[i].MaybeValue()
	}
	alter := func(op kadm.IncrementalOp, key, v string) error {
		resp, err := adm.AlterTopicConfigs(contextFor(t), []kadm.AlterConfig{{Op: op, Name: key, Value: &v}}, topic)
		ok(t, err)
		return resp[0].Err
	}
	retention := value("retention.ms")
	ok(t, alter(kadm.SetConfig, "retention.ms", "2000000"))
	eventually(t, "set", func() bool { return value("retention.ms") == "2000000" })
	ok(t, alter(kadm.DeleteConfig, "retention.ms", ""))
	eventually(t, "back at the default", func() bool { return value("retention.ms") == retention })
	ok(t, alter(kadm.AppendConfig, "cleanup.policy", "compact"))
	eventually(t, "appended", func() bool { return value("cleanup.policy") == "delete,compact" })
	ok(t, alter(kadm.SubtractConfig, "cleanup.policy", "delete"))
	eventually(t, "subtracted", func() bool { return value("cleanup.policy") == "compact" })
	fails(t, "bad value", alter(kadm.SetConfig, "retention.ms", "soon"), kerr.InvalidConfig)
	fails(t, "unknown key", alter(kadm.SetConfig, "no.such.config", "1"), kerr.InvalidConfig)

	// The older AlterConfigs replaces everything.
	limit := "50000"
	state, err := adm.AlterTopicConfigsState(contextFor(t), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, topic)
	ok(t, err)
	ok(t, state[0].Err)
	eventually(t, "replaced", func() bool { return value("max.message.bytes") == "50000" && value("cleanup.policy") == "delete" })

	brokers, err := adm.DescribeBrokerConfigs(contextFor(t), mustNode(t, adm))
	ok(t, err)
	ok(t, brokers[0].Err)
	equal(t, "broker configs", len(brokers[0].Configs) > 0, true)
}

func mustNode(t *testing.T, adm *kadm.Client) int32 {
	t.Helper()
	m, err := adm.BrokerMetadata(contextFor(t))
	ok(t, err)
	return m.Brokers[0].NodeID
}

func TestRecordsAreDeletedUpToAnOffset(t *testing.T) {
	t.Parallel()
	adm, topic := admin(t), topic(t, "trim", 1)
	fill(t, topic, 0, 50)
	trim := func(at int64) kadm.DeleteRecordsResponse {
		resp, err := adm.DeleteRecords(contextFor(t), offsetOf(topic, 0, at))
		ok(t, err)
		one, _ := resp.Lookup(topic, 0)
		return one
	}
	one := trim(20)
	ok(t, one.Err)
	equal(t, "low watermark", one.LowWatermark, 20)
	equal(t, "first offset", readAll(t, topic, 30)[0].Offset, 20)
	fails(t, "beyond the end", trim(51).Err, kerr.OffsetOutOfRange)
	equal(t, "all", trim(-1).LowWatermark, 50)
}

func TestLogDirectoriesElectionsReassignments(t *testing.T) {
	t.Parallel()
	adm, topic := admin(t), topic(t, "dirs", 2)
	fill(t, topic, 0, 500)
	dirs, err := adm.DescribeBrokerLogDirs(contextFor(t), mustNode(t, adm), set(topic, 0, 1))
	ok(t, err)
	ok(t, dirs.Error())
	p0, found := dirs.LookupPartition(topic, 0)
	equal(t, "found", found, true)
	equal(t, "has a size", p0.Size > 500, true)

	elected, err := adm.ElectLeaders(contextFor(t), kadm.ElectPreferredReplica, set(topic, 0, 9))
	ok(t, err)
	fails(t, "election", elected[topic][0].Err, kerr.ElectionNotNeeded)
	fails(t, "election", elected[topic][9].Err, kerr.UnknownTopicOrPartition)

	moving, err := adm.ListPartitionReassignments(contextFor(t), nil)
	ok(t, err)
	equal(t, "reassignments", len(moving), 0)
}

func TestGroupsAreListedDescribedAndDeleted(t *testing.T) {
	t.Parallel()
	adm, topic, group := admin(t), topic(t, "described", 4), unique("described")
	in := &inbox{}
	fill(t, topic, 0, 10)
	a := join(t, group, topic, in, kgo.ClientID("first"))
	b := join(t, group, topic, in, kgo.ClientID("second"))
	eventually(t, "two share", func() bool { return a.count(topic) == 2 && b.count(topic) == 2 && in.len() == 10 })
	described, err := adm.DescribeGroups(contextFor(t), group)
	ok(t, err)
	d := described[group]
	ok(t, d.Err)
	equal(t, "state", d.State, "Stable")
	equal(t, "protocol", d.ProtocolType+" "+d.Protocol, "consumer cooperative-sticky")
	equal(t, "members", len(d.Members), 2)
	assigned := d.AssignedPartitions()
	equal(t, "assigned", len(assigned[topic]), 4)
	for state, want := range map[string]bool{"Stable": true, "Empty": false} {
		listed, err := adm.ListGroups(contextFor(t), state)
		ok(t, err)
		_, found := listed[group]
		equal(t, "listed as "+state, found, want)
	}
	deleted, err := adm.DeleteGroups(contextFor(t), group)
	ok(t, err)
	fails(t, "delete", deleted[group].Err, kerr.NonEmptyGroup)
	gone, err := adm.DeleteOffsets(contextFor(t), group, set(topic, 0))
	ok(t, err)
	fails(t, "delete offsets", gone.Error(), kerr.GroupSubscribedToTopic)
	a.leave()
	b.leave()
	eventually(t, "empty", func() bool {
		described, err := adm.DescribeGroups(contextFor(t), group)
		return err == nil && described[group].State == "Empty"
	})
	deleted, err = adm.DeleteGroups(contextFor(t), group, unique("none"))
	ok(t, err)
	for name, d := range deleted {
		if name == group {
			ok(t, d.Err)
		} else {
			fails(t, "delete unknown", d.Err, kerr.GroupIDNotFound)
		}
	}
}

func TestLagAndOffsetsOfGroups(t *testing.T) {
	t.Parallel()
	adm, topic, one, two := admin(t), topic(t, "lag", 2), unique("lag"), unique("lag")
	fill(t, topic, 0, 30)
	fill(t, topic, 1, 7)
	ok(t, adm.CommitAllOffsets(contextFor(t), one, offsetOf(topic, 0, 12)))
	ok(t, adm.CommitAllOffsets(contextFor(t), two, offsetOf(topic, 1, 7)))
	lags, err := adm.Lag(contextFor(t), one, two)
	ok(t, err)
	for group, want := range map[string]int64{one: 18 + 7, two: 30} {
		lag := lags[group]
		ok(t, lag.Error())
		equal(t, "lag of "+group, lag.Lag.Total(), want)
	}
	many := adm.FetchManyOffsets(contextFor(t), one, two)
	ok(t, many.Error())
	commit, _ := many[one].Fetched.Lookup(topic, 0)
	equal(t, "commit", commit.At, 12)

	gone, err := adm.DeleteOffsets(contextFor(t), one, set(topic, 0))
	ok(t, err)
	ok(t, gone.Error())
	left, err := adm.FetchOffsets(contextFor(t), one)
	ok(t, err)
	_, found := left.Lookup(topic, 0)
	equal(t, "still there", found, false)
	_, err = adm.DeleteOffsets(contextFor(t), unique("none"), set(topic, 0))
	fails(t, "unknown group", err, kerr.GroupIDNotFound)
}
