//! A correct program: what Rust's library does with memory, with the allocator partly inlined.
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

struct Node {
    key: String,
    children: Vec<Rc<RefCell<Node>>>,
}

fn node(key: String) -> Rc<RefCell<Node>> {
    Rc::new(RefCell::new(Node { key, children: Vec::new() }))
}

#[repr(align(64))]
#[derive(Clone)]
struct Large([u8; 128]);

fn main() {
    let count = std::env::args().count() * 200;
    let (mut map, mut tree, mut queue) = (HashMap::new(), BTreeMap::new(), VecDeque::new());
    for i in 0..count {
        map.insert(format!("key {i}"), vec![i as u8; i]);
        tree.insert(i * 7919 % 1009, i.to_string());
        queue.push_front(i);
        if i % 3 == 0 {
            queue.pop_back();
        }
    }
    let root = node("root".into());
    for i in 0..count {
        let child = node(i.to_string());
        root.borrow_mut().children.push(child.clone());
        if i % 5 == 0 {
            child.borrow_mut().children.push(node("x".repeat(i)));
        }
    }
    let large: Vec<Box<Large>> = (0..20).map(|i| Box::new(Large([i; 128]))).collect();
    let mut words: Vec<String> = map.keys().cloned().collect();
    words.sort();
    let mut total: u64 = vec![0_u32; count * 10].iter().map(|&x| u64::from(x)).sum();
    for child in &root.borrow().children {
        total += (child.borrow().key.len() + child.borrow().children.len()) as u64;
    }
    let closures: Vec<Box<dyn Fn(u64) -> u64>> =
        (0..10_u64).map(|i| Box::new(move |x| x + i) as Box<dyn Fn(u64) -> u64>).collect();
    for closure in &closures {
        total = closure(total);
    }
    let sum: u32 = large.iter().map(|it| u32::from(it.0[3])).sum();
    println!("{} {} {} {total} {sum}", words.join(",").len(), tree.len(), queue.len());
}
