//! The ceiling program's far end: posts what was kept, oldest first, in batches of 100, and marks it.
//!
//! It understands nothing and merges nothing; it is the cheapest honest relay to hold `e2e` against.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, params};
use tokio::net::TcpStream;

use super::writer::open;

const BATCH: u32 = 100;
const REST: Duration = Duration::from_millis(2);

/// Starts the thread that delivers.
pub(super) fn start(dir: &Path, sink: SocketAddr) -> anyhow::Result<()> {
    let path = dir.join("bench.db");
    std::thread::Builder::new()
        .name("deliver".into())
        .spawn(move || {
            while deliver(&path, sink).is_err() {
                std::thread::sleep(REST * 50);
            }
        })?;
    Ok(())
}

/// Works through the inbox on one connection until a fault.
fn deliver(path: &Path, sink: SocketAddr) -> anyhow::Result<()> {
    let store = open(path, "FULL")?;
    store
        .execute_batch("CREATE TABLE IF NOT EXISTS held (one INTEGER PRIMARY KEY, upto INTEGER NOT NULL)")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stream = TcpStream::connect(sink).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        loop {
            match next(&store)? {
                Some((upto, batch)) => {
                    if post(&mut sender, sink, batch).await? {
                        store.execute(
                            "INSERT OR REPLACE INTO held (one, upto) VALUES (1, ?1)",
                            params![upto],
                        )?;
                    } else {
                        tokio::time::sleep(REST * 50).await;
                    }
                }
                None => tokio::time::sleep(REST).await,
            }
        }
    })
}

/// The next leads as one JSON array, and the last one's place.
fn next(store: &Connection) -> anyhow::Result<Option<(i64, Bytes)>> {
    let mut statement = store.prepare_cached(
        "SELECT id, body FROM inbox WHERE id > coalesce((SELECT upto FROM held), 0) ORDER BY id LIMIT ?1",
    )?;
    let mut rows = statement.query(params![BATCH])?;
    let mut batch = Vec::new();
    let mut upto = None;
    while let Some(row) = rows.next()? {
        batch.push(if upto.is_none() { b'[' } else { b',' });
        batch.extend_from_slice(row.get_ref(1)?.as_blob()?);
        upto = Some(row.get(0)?);
    }
    batch.push(b']');
    Ok(upto.map(|last| (last, Bytes::from(batch))))
}

async fn post(sender: &mut SendRequest<Full<Bytes>>, sink: SocketAddr, batch: Bytes) -> anyhow::Result<bool> {
    sender.ready().await?;
    let request = Request::post("/leads")
        .header(HOST, sink.to_string())
        .body(Full::new(batch))?;
    let answer = sender.send_request(request).await?;
    let taken = answer.status().is_success();
    answer.into_body().collect().await?;
    Ok(taken)
}
