//! Changes by RFC 6902, `add` and `replace` alone, all or none (contract partner-center 6.5).

use serde_json::Value;

use super::answer::Refusal;
use super::schema;

/// One operation.
struct Operation {
    add: bool,
    pointer: String,
    path: Vec<String>,
    value: Value,
}

/// The referral after all operations. What was odd about them is noted.
pub(super) fn apply(before: &Value, operations: &Value, notes: &mut Vec<String>) -> Result<Value, Refusal> {
    let Some(operations) = operations.as_array().filter(|operations| !operations.is_empty()) else {
        return Err(Refusal::malformed("The body has to be a list of operations."));
    };
    let mut after = before.clone();
    for operation in operations {
        let operation = read(operation)?;
        let bad = |why: String| Refusal::malformed(format!("{}: {why}.", operation.pointer));
        let (kind, service) =
            schema::at(&operation.path).ok_or_else(|| bad("the target location was not found".to_owned()))?;
        if service {
            return Err(bad("the property is read-only".to_owned()));
        }
        let value = schema::fit(kind, &operation.value, &operation.pointer, notes).map_err(bad)?;
        put(&mut after, &operation, value).ok_or_else(|| {
            let why = "the target location was not found";
            Refusal::malformed(format!("{}: {why}.", operation.pointer))
        })?;
    }
    Ok(after)
}

fn read(operation: &Value) -> Result<Operation, Refusal> {
    let add = match operation["op"].as_str() {
        Some("add") => true,
        Some("replace") => false,
        _ => return Err(Refusal::malformed("Only add and replace are supported.")),
    };
    let pointer = operation["path"].as_str().unwrap_or_default().to_owned();
    let steps = pointer
        .strip_prefix('/')
        .ok_or_else(|| Refusal::malformed("An operation needs a path that begins with a slash."))?;
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    let path = steps.split('/').map(unescape).collect();
    let value = operation
        .get("value")
        .cloned()
        .ok_or_else(|| Refusal::malformed("An operation needs a value."))?;
    Ok(Operation {
        add,
        pointer,
        path,
        value,
    })
}

/// What the path leads to has to exist, and to be something that can hold a value.
fn put(referral: &mut Value, operation: &Operation, value: Value) -> Option<()> {
    let (last, before) = operation.path.split_last()?;
    let mut holder = referral;
    for step in before {
        holder = match holder {
            Value::Object(members) => members.get_mut(step)?,
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    match holder {
        Value::Object(members) => {
            members.insert(last.clone(), value);
        }
        Value::Array(items) if operation.add && last == "-" => items.push(value),
        Value::Array(items) => {
            let index = last.parse::<usize>().ok()?;
            if operation.add && index <= items.len() {
                items.insert(index, value);
            } else if !operation.add {
                *items.get_mut(index)? = value;
            } else {
                return None;
            }
        }
        _ => return None,
    }
    Some(())
}
