//! Flattened parameters to the tree that JSON would have been.

use serde_json::{Map, Value};

use super::{Member, Shape, form::Node};

/// The members of a structure.
pub(super) fn object(node: &Node, shape: &[Member]) -> Value {
    let mut members = Map::new();
    for member in shape {
        if let Some(value) = shaped(node, member) {
            members.insert(member.name.to_owned(), value);
        }
    }
    for (name, child) in &node.children {
        if !shape.iter().any(|m| m.name == name) {
            members.insert(name.clone(), plain(child, &[]));
        }
    }
    Value::Object(members)
}

/// A scalar when it has a value, else a structure. An empty value beside members is what some serializers write of a structure itself.
fn plain(node: &Node, shape: &[Member]) -> Value {
    match &node.value {
        Some(text) if !text.is_empty() || node.children.is_empty() => Value::String(text.clone()),
        _ => object(node, shape),
    }
}

fn shaped(parent: &Node, member: &Member) -> Option<Value> {
    match member.shape {
        Shape::OrNothing => {
            let node = parent.children.get(member.name)?;
            (node.value.as_deref() != Some("") || !node.children.is_empty()).then(|| plain(node, &[]))
        }
        Shape::Structure(of) => parent.children.get(member.name).map(|node| object(node, of)),
        Shape::List { elements, of } => {
            let found = numbered(parent, elements);
            (!found.is_empty()).then(|| found.into_iter().map(|node| plain(node, of)).collect())
        }
        Shape::Map { elements, key, value, of } => {
            let found = numbered(parent, elements);
            let entry = |node: &Node| {
                let name = node.children.get(key)?.value.clone()?;
                // A value that is missing is told apart from an empty one by the type that reads it.
                Some((name, node.children.get(value).map_or(Value::Null, |node| plain(node, of))))
            };
            (!found.is_empty()).then(|| found.into_iter().filter_map(entry).collect())
        }
    }
}

/// The elements of a flattened list in the order of their numbers; gaps are tolerated. Without numbers there is one element. An empty value without a
/// number is how serializers write an empty list.
fn numbered<'a>(parent: &'a Node, elements: &[&str]) -> Vec<&'a Node> {
    let mut found: Vec<(u64, &Node)> = Vec::new();
    for element in elements {
        let Some(node) = parent.children.get(*element) else { continue };
        let numbers = node.children.iter().filter_map(|(name, child)| Some((name.parse().ok()?, child)));
        let before = found.len();
        found.extend(numbers);
        let alone = node.value.as_ref().is_some_and(|value| !value.is_empty());
        if alone || (found.len() == before && !node.children.is_empty()) {
            found.push((0, node));
        }
    }
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, node)| node).collect()
}
