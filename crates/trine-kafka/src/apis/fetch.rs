//! Fetch 4–18 → stored batches, as slices of what was stored; waits for more when there is too little.
//! Sessions (version 7 and later), leader epochs and divergence, topic ids (13 and later). Read committed sees what read uncommitted sees: there are no
//! transactions. A batch that contains the offset comes whole; one batch comes whatever the limits. Racks and follower fields are not used.
//! A connection has one fetch in progress; a second one waits for the first.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use trine_broker::{Action, CatalogSnapshot, FetchSpec, Fetched, PartitionRef};

use super::{find_partition, find_topic};
use crate::{
    connection::{Answer, Ctx},
    error::{self, Close, ErrorCode},
    fetch_sessions::{Begun, Session, Wanted},
    wire::{
        RequestHeader, ResponseBuf, TopicKey,
        fetch::{FetchRequest, FetchResponse, PartitionFetched, TOPIC_IDS_FROM},
    },
};

const READ_COMMITTED: i8 = 1;

pub(super) async fn handle(ctx: &Ctx, header: &RequestHeader, request: FetchRequest) -> Result<Answer, Close> {
    let by_id = header.version >= TOPIC_IDS_FROM;
    let read_committed = request.isolation_level == READ_COMMITTED;
    let now = ctx.kafka.broker.clock().mono();
    let begun = match ctx.kafka.sessions.begin(now, &request, by_id) {
        Ok(begun) => begun,
        Err(code) => {
            let response = FetchResponse { error: code.code(), read_committed, ..FetchResponse::default() };
            return Ok(respond(ctx, header, response));
        }
    };
    let (session, incremental) = match begun {
        Begun::Alone => (None, false),
        Begun::New(session) => (Some(session), false),
        Begun::Incremental(session) => (Some(session), true),
    };
    let wanted = match &session {
        Some(session) if incremental => session.lock().wanted(),
        _ => wanted(&request),
    };
    let answers = read(ctx, header.version, &request, session.as_ref(), &wanted).await;

    let mut topics: Vec<(TopicKey, Vec<PartitionFetched>)> = Vec::new();
    let session_id = {
        let mut session = session.as_ref().map(|session| session.lock());
        for (wanted, answer) in wanted.into_iter().zip(answers) {
            let news = session.as_mut().is_none_or(|session| session.tell(&wanted.topic, &answer));
            if incremental && !news {
                continue;
            }
            match topics.last_mut() {
                Some((topic, partitions)) if *topic == wanted.topic => partitions.push(answer),
                _ => topics.push((wanted.topic, vec![answer])),
            }
        }
        session.map_or(0, |session| session.id())
    };
    Ok(respond(ctx, header, FetchResponse { error: 0, session_id, read_committed, topics }))
}

fn respond(ctx: &Ctx, header: &RequestHeader, response: FetchResponse) -> Answer {
    let partitions = response.topics.iter().flat_map(|(_, partitions)| partitions);
    let (count, bytes) = partitions.fold((0, 0), |(count, bytes), p| (count + 1, bytes + p.record_bytes()));
    let mut out = ResponseBuf::with_capacity(header, 64 + 64 * count);
    response.encode(header, &mut out);
    Answer { frame: Some(out.finish()), held: (bytes > 0).then(|| ctx.kafka.memory.hold(bytes)) }
}

fn wanted(request: &FetchRequest) -> Vec<Wanted> {
    let of = |topic: &TopicKey, request| Wanted { topic: topic.clone(), request, target: None };
    request.topics.iter().flat_map(|t| t.partitions.iter().map(|p| of(&t.topic, *p))).collect()
}

/// Reads everything; one answer per partition, in order.
async fn read(
    ctx: &Ctx,
    version: i16,
    request: &FetchRequest,
    session: Option<&Arc<Mutex<Session>>>,
    wanted: &[Wanted],
) -> Vec<PartitionFetched> {
    let catalog = ctx.kafka.broker.catalog();
    let mut refusals = Vec::with_capacity(wanted.len());
    let mut partitions = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        match target(ctx, &catalog, session, wanted) {
            Ok(partition) => {
                refusals.push(None);
                partitions.push(partition);
            }
            Err(code) => refusals.push(Some(code)),
        }
    }
    // An error is told at once.
    let waits = refusals.iter().all(Option::is_none);
    let clamp = |n: i32| u32::try_from(n).unwrap_or(0);
    let spec = FetchSpec {
        partitions,
        min_bytes: clamp(request.min_bytes),
        max_bytes: clamp(request.max_bytes).min(u32::try_from(ctx.kafka.memory.fetch_allowance()).unwrap_or(u32::MAX)),
        max_wait: if waits { Duration::from_millis(clamp(request.max_wait_ms).into()) } else { Duration::ZERO },
    };
    let at_once = FetchSpec { max_wait: Duration::ZERO, ..spec.clone() };
    let mut drain = ctx.drain.clone();
    let streams = ctx.kafka.broker.streams();
    let result = tokio::select! {
        biased;
        result = streams.fetch(spec) => result,
        // The server goes down: no more waiting.
        () = drain.draining() => streams.fetch(at_once).await,
    };
    let mut results = result.partitions.into_iter();
    let answers = wanted.iter().zip(refusals).map(|(wanted, refusal)| {
        let index = wanted.request.index;
        if let Some(code) = refusal {
            return PartitionFetched::refused(index, code.code());
        }
        match results.next() {
            Some(Ok(fetched)) => answer(index, fetched),
            Some(Err(failed)) => {
                let by_id = matches!(wanted.topic, TopicKey::Id(_));
                PartitionFetched::refused(index, error::fetch(&failed, by_id, version).code())
            }
            None => PartitionFetched::refused(index, ErrorCode::UnknownServerError.code()),
        }
    });
    answers.collect()
}

fn answer(index: i32, fetched: Fetched) -> PartitionFetched {
    PartitionFetched {
        index,
        error: 0,
        high_watermark: fetched.end as i64,
        last_stable: fetched.end as i64,
        log_start: fetched.log_start as i64,
        diverging: fetched.diverging.map(|end| (end.epoch, end.end as i64)),
        records: fetched.batches.into_iter().map(|batch| batch.bytes).collect(),
    }
}

fn target(
    ctx: &Ctx,
    catalog: &CatalogSnapshot,
    session: Option<&Arc<Mutex<Session>>>,
    wanted: &Wanted,
) -> Result<trine_broker::FetchPartition, ErrorCode> {
    let request = &wanted.request;
    let partition = match &wanted.target {
        Some(target) if !target.view().is_deleted() => {
            check(ctx, target)?;
            target.clone()
        }
        _ => {
            let found = find(ctx, catalog, &wanted.topic, request.index)?;
            if let Some(session) = session {
                session.lock().found(&wanted.topic, request.index, &found);
            }
            found
        }
    };
    Ok(trine_broker::FetchPartition {
        partition,
        from: u64::try_from(request.fetch_offset).map_err(|_| ErrorCode::OffsetOutOfRange)?,
        max_bytes: u32::try_from(request.max_bytes).unwrap_or(0),
        current_leader_epoch: (request.current_leader_epoch >= 0).then_some(request.current_leader_epoch),
        last_fetched_epoch: (request.last_fetched_epoch >= 0).then_some(request.last_fetched_epoch),
    })
}

fn check(ctx: &Ctx, target: &PartitionRef) -> Result<(), ErrorCode> {
    if ctx.allows_topic(Action::Read, target.topic().name.as_str()) {
        Ok(())
    } else {
        Err(ErrorCode::TopicAuthorizationFailed)
    }
}

fn find(ctx: &Ctx, catalog: &CatalogSnapshot, key: &TopicKey, index: i32) -> Result<PartitionRef, ErrorCode> {
    if let TopicKey::Name(name) = key
        && !ctx.allows_topic(Action::Read, name)
    {
        // Before anything is said about whether it exists.
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let topic = find_topic(catalog, key).ok_or_else(|| error::unknown_topic(matches!(key, TopicKey::Id(_))))?;
    let partition = find_partition(topic, index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    check(ctx, &partition)?;
    Ok(partition)
}
