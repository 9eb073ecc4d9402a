//! MULTI and EXEC around publishing and subscribing.

use super::common::Server;

const QUEUED: &str = "+QUEUED\r\n";

#[tokio::test]
async fn replies_come_as_one_array() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client
        .exchange(
            "MULTI\r\nPUBLISH a x\r\nPUBSUB NUMPAT\r\nEXEC\r\n",
            format!("+OK\r\n{QUEUED}{QUEUED}*2\r\n:0\r\n:0\r\n"),
        )
        .await;
    client.exchange("MULTI\r\nDISCARD\r\nEXEC\r\n", "+OK\r\n+OK\r\n-ERR EXEC without MULTI\r\n").await;
    client.exchange("DISCARD\r\n", "-ERR DISCARD without MULTI\r\n").await;
    client.exchange("WATCH k\r\nUNWATCH\r\n", "+OK\r\n+OK\r\n").await;
    client
        .exchange(
            "MULTI\r\nMULTI\r\nWATCH k\r\nEXEC\r\n",
            "+OK\r\n-ERR MULTI calls can not be nested\r\n-ERR WATCH inside MULTI is not allowed\r\n*0\r\n",
        )
        .await;
    client.send("MULTI\r\nPUBLISH a\r\nEXEC\r\n").await;
    client
        .expect(
            "+OK\r\n-ERR wrong number of arguments for 'publish' command\r\n\
             -EXECABORT Transaction discarded because of previous errors.\r\n",
        )
        .await;
}

#[tokio::test]
async fn own_messages_come_after_the_whole_array() {
    let server = Server::start(1).await;
    let mut client = server.client3().await;
    client.exchange("SUBSCRIBE ch\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    client
        .exchange(
            "MULTI\r\nPUBLISH ch one\r\nPUBLISH ch two\r\nPING\r\nEXEC\r\n",
            format!(
                "+OK\r\n{QUEUED}{QUEUED}{QUEUED}*3\r\n:1\r\n:1\r\n+PONG\r\n\
                 >3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\none\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\ntwo\r\n"
            ),
        )
        .await;
}

#[tokio::test]
async fn confirmations_are_elements_of_the_array() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client
        .exchange(
            "MULTI\r\nSUBSCRIBE ch\r\nPUBLISH ch own\r\nUNSUBSCRIBE ch\r\nEXEC\r\n",
            format!(
                "+OK\r\n{QUEUED}{QUEUED}{QUEUED}*3\r\n*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n:1\r\n\
                 *3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\nown\r\n"
            ),
        )
        .await;
    client
        .exchange(
            "MULTI\r\nSSUBSCRIBE ch\r\nEXEC\r\n",
            format!("+OK\r\n{QUEUED}*1\r\n-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n"),
        )
        .await;
}
