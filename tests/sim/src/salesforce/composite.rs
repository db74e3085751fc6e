//! Several requests in one: composite, batch and graph (contract salesforce 5.2 to 5.4).

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::org::Org;
use super::route::only;

const MOST_PARTS: usize = 25;
const MOST_QUERIES: usize = 5;
const MOST_GRAPHS: usize = 75;
const MOST_NODES: usize = 500;
const MOST_FAILED_GRAPHS: usize = 14;

/// A part of a composite request.
struct Part {
    reference: String,
    call: Call,
}

impl Org {
    /// `POST /composite`: counted once, parts may build on each other.
    pub(super) fn composite(&mut self, call: &Call) -> Result<Answer, Refusal> {
        only(call, &[Method::POST])?;
        let body = call.object()?;
        let parts = parts(call, &body)?;
        if parts.len() > MOST_PARTS {
            return Err(too_many("subrequests", MOST_PARTS));
        }
        let wide = |part: &&Part| {
            ["/query", "/composite/sobjects"]
                .iter()
                .any(|it| part.call.path.contains(it))
        };
        if parts.iter().filter(wide).count() > MOST_QUERIES {
            return Err(too_many("query or sObject Collections subrequests", MOST_QUERIES));
        }
        let together = body.get("allOrNone") == Some(&json!(true));
        let (results, _) = self.run(parts, together);
        Ok(Answer::json(200, json!({ "compositeResponse": results })))
    }

    /// `POST /composite/batch`: every part is counted, none depends on another.
    pub(super) fn batch(&mut self, call: &Call) -> Result<Answer, Refusal> {
        only(call, &[Method::POST])?;
        let body = call.object()?;
        let requests = list(&body, "batchRequests")?;
        if requests.len() > MOST_PARTS {
            return Err(too_many("batchRequests", MOST_PARTS));
        }
        let halt = body.get("haltOnError") == Some(&json!(true));
        let now = self.now();
        let mut results = Vec::new();
        let mut failed = false;
        for (place, request) in requests.iter().enumerate() {
            let answer = if failed && halt {
                Refusal::new(
                    "BATCH_PROCESSING_HALTED",
                    "Batch processing halted per request option.",
                )
                .with_status(412)
                .into()
            } else {
                // The request as a whole was counted for the first of them.
                let counted = if place == 0 {
                    Ok(())
                } else {
                    self.allowance.take(1, now)
                };
                let url = format!("/services/data/{}", request["url"].as_str().unwrap_or_default());
                let part = part(call, request, &url, "richInput");
                counted
                    .and(part)
                    .map_or_else(Answer::from, |part| self.part(&part))
            };
            failed |= !answer.is_well();
            results.push(json!({ "statusCode": answer.status, "result": answer.body() }));
        }
        Ok(Answer::json(
            200,
            json!({ "hasErrors": failed, "results": results }),
        ))
    }

    /// `POST /composite/graph`: every graph stands or falls as a whole.
    pub(super) fn graphs(&mut self, call: &Call) -> Result<Answer, Refusal> {
        only(call, &[Method::POST])?;
        let body = call.object()?;
        let graphs = list(&body, "graphs")?;
        let nodes: usize = graphs
            .iter()
            .filter_map(|graph| graph["compositeRequest"].as_array())
            .map(Vec::len)
            .sum();
        if graphs.len() > MOST_GRAPHS {
            return Err(too_many("graphs", MOST_GRAPHS));
        }
        if nodes > MOST_NODES {
            return Err(too_many("nodes", MOST_NODES));
        }
        let mut results = Vec::new();
        let mut failed = 0;
        for graph in graphs {
            let Some(graph) = graph.as_object().filter(|_| failed < MOST_FAILED_GRAPHS) else {
                break;
            };
            let nodes = parts(call, graph)?;
            if let Some(other) = nodes.iter().find(|part| !part.call.path.contains("/sobjects/")) {
                return Err(not_here(&other.call.path));
            }
            let (responses, well) = self.run(nodes, true);
            failed += usize::from(!well);
            results.push(json!({
                "graphId": graph.get("graphId"), "graphResponse": { "compositeResponse": responses }, "isSuccessful": well,
            }));
        }
        Ok(Answer::json(200, json!({ "graphs": results })))
    }

    /// Runs parts one after the other; with `together`, a failure takes all of them back.
    fn run(&mut self, parts: Vec<Part>, together: bool) -> (Vec<Value>, bool) {
        let mark = self.begin();
        let mut bodies = HashMap::new();
        let mut answers = Vec::new();
        for mut part in parts {
            let failed = answers
                .iter()
                .any(|(_, answer): &(String, Answer)| !answer.is_well());
            let answer = match refer(&mut part.call, &bodies) {
                _ if failed && together => halted(),
                Err(refusal) => refusal.into(),
                Ok(()) => self.part(&part.call),
            };
            bodies.insert(part.reference.clone(), answer.body());
            answers.push((part.reference, answer));
        }
        let well = answers.iter().all(|(_, answer)| answer.is_well());
        let back = together && !well;
        self.end(mark, !back);
        let told = answers.into_iter().map(|(reference, answer)| {
            let answer = if back && answer.is_well() {
                halted()
            } else {
                answer
            };
            tell(&reference, &answer)
        });
        (told.collect(), well)
    }
}

fn tell(reference: &str, answer: &Answer) -> Value {
    let location = answer.headers.iter().find(|(name, _)| *name == "location");
    let headers = location.map_or_else(|| json!({}), |(_, url)| json!({ "Location": url }));
    json!({ "body": answer.body(), "httpHeaders": headers, "httpStatusCode": answer.status, "referenceId": reference })
}

fn halted() -> Answer {
    let message = "The transaction was rolled back since another operation in the same transaction failed.";
    Refusal::new("PROCESSING_HALTED", message).into()
}

fn parts(outer: &Call, body: &Map<String, Value>) -> Result<Vec<Part>, Refusal> {
    let requests = list(body, "compositeRequest")?.iter().map(|request| {
        let url = request["url"].as_str().unwrap_or_default();
        let reference = request["referenceId"]
            .as_str()
            .filter(|it| it.starts_with(|first: char| first.is_ascii_alphabetic()));
        let reference =
            reference.ok_or_else(|| Refusal::new("JSON_PARSER_ERROR", "Invalid reference Id specified."))?;
        Ok(Part {
            reference: reference.to_owned(),
            call: part(outer, request, url, "body")?,
        })
    });
    requests.collect()
}

fn part(outer: &Call, request: &Value, url: &str, body: &str) -> Result<Call, Refusal> {
    let wrong = || Refusal::new("JSON_PARSER_ERROR", "method and url are required");
    let method = request["method"]
        .as_str()
        .and_then(|method| method.parse().ok())
        .ok_or_else(wrong)?;
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    // None of them may hold another of its kind.
    if path.contains("/composite") && !path.contains("/composite/sobjects") {
        return Err(not_here(path));
    }
    let mut headers = outer.headers.clone();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in request["httpHeaders"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).map_err(|_| wrong())?;
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok())
            .ok_or_else(wrong)?;
        headers.insert(name, value);
    }
    Ok(Call {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Bytes::from(request[body].to_string()),
    })
}

/// Puts in what `@{reference.field}` stands for.
fn refer(call: &mut Call, bodies: &HashMap<String, Value>) -> Result<(), Refusal> {
    call.path = replaced(&call.path, bodies)?;
    call.query = replaced(&call.query, bodies)?;
    let body = String::from_utf8_lossy(&call.body).into_owned();
    call.body = Bytes::from(replaced(&body, bodies)?);
    Ok(())
}

fn replaced(text: &str, bodies: &HashMap<String, Value>) -> Result<String, Refusal> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let unknown = || {
            Refusal::new(
                "PROCESSING_HALTED",
                format!("Invalid reference specified: {after}"),
            )
        };
        let (path, after) = after.split_once('}').ok_or_else(unknown)?;
        let (reference, field) = path.split_once('.').ok_or_else(unknown)?;
        let pointer = format!("/{}", field.replace(['.', '['], "/").replace(']', ""));
        let value = bodies
            .get(reference)
            .and_then(|body| body.pointer(&pointer))
            .ok_or_else(unknown)?;
        done.push_str(before);
        done.push_str(value.as_str().unwrap_or(&value.to_string()));
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

fn list<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a Vec<Value>, Refusal> {
    let list = body.get(name).and_then(Value::as_array);
    list.ok_or_else(|| Refusal::new("JSON_PARSER_ERROR", format!("{name} is required")))
}

fn not_here(path: &str) -> Refusal {
    Refusal::new(
        "INVALID_INPUT",
        format!("The URL is not supported as a part of this request: {path}"),
    )
}

fn too_many(what: &str, most: usize) -> Refusal {
    Refusal::new(
        "LIMIT_EXCEEDED",
        format!("No more than {most} {what} are allowed in a request"),
    )
}
