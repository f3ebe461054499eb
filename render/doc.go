// Package render is the folder of what writes answers in forms that people and tools read. The
// packages in it are pure: values in, bytes out, with no database and no flags.
//
// Package grid writes tables for terminals and in Markdown, package sarif SARIF 2.1.0,
// package notice what receivers of notifications are told.
package render
