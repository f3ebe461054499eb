use semver::Version;
use std::io::BufRead;

fn main() {
    println!("# crate semver 1.0.27, Version::cmp_precedence");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (a, b) = line.split_once('\t').unwrap();
        if let (Ok(x), Ok(y)) = (Version::parse(a), Version::parse(b)) {
            println!("{a}\t{b}\t{}", x.cmp_precedence(&y) as i8);
        }
    }
}
