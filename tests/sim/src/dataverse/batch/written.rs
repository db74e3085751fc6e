//! What became of a batch, as multipart text.

use std::fmt::Write as _;

use http::StatusCode;

use crate::dataverse::answer::Answer;
use crate::dataverse::ids;

/// What became of one part.
pub(super) enum Done {
    Single(Answer),
    ChangeSet(Vec<(String, Answer)>),
}

impl Done {
    /// The status it failed with.
    pub(super) fn failed(&self) -> Option<u16> {
        let answers: Vec<&Answer> = match self {
            Self::Single(answer) => vec![answer],
            Self::ChangeSet(answers) => answers.iter().map(|(_, answer)| answer).collect(),
        };
        let statuses = answers.into_iter().map(|answer| answer.status);
        statuses.into_iter().find(|status| *status >= 400)
    }
}

pub(super) fn answer(status: u16, done: &[Done], number: u64) -> Answer {
    let boundary = format!("batchresponse_{}", ids::row(number));
    let mut body = String::new();
    for (at, item) in done.iter().enumerate() {
        let _ = write!(body, "--{boundary}\r\n");
        match item {
            Done::Single(answer) => part(&mut body, None, answer),
            Done::ChangeSet(answers) => {
                let inner = format!(
                    "changesetresponse_{}",
                    ids::definition(&format!("{boundary}/{at}"))
                );
                let _ = write!(body, "Content-Type: multipart/mixed; boundary={inner}\r\n\r\n");
                for (id, answer) in answers {
                    let _ = write!(body, "--{inner}\r\n");
                    part(&mut body, Some(id), answer);
                }
                let _ = write!(body, "--{inner}--\r\n");
            }
        }
    }
    let _ = write!(body, "--{boundary}--\r\n");
    Answer {
        status,
        headers: vec![
            ("OData-Version", "4.0".to_owned()),
            ("Content-Type", format!("multipart/mixed; boundary={boundary}")),
        ],
        body: Some(body),
    }
}

fn part(text: &mut String, content_id: Option<&str>, answer: &Answer) {
    text.push_str("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
    if let Some(id) = content_id {
        let _ = write!(text, "Content-ID: {id}\r\n");
    }
    let reason = StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown");
    let _ = write!(text, "\r\nHTTP/1.1 {} {reason}\r\n", answer.status);
    for (name, value) in &answer.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "\r\n{}\r\n", answer.body.as_deref().unwrap_or_default());
}
