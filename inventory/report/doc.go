// Package report writes the page that is handed to people who do not run Sluice: one HTML file
// that needs nothing else, no script, no font, no request. It prints, it follows the reader's light or dark
// mode, and what a chart shows stands in a table beside it.
//
// It is pure: Data comes from inventory.Report, and Write makes the page of it. The charts are drawn
// in chart.go, the page is page.html.
package report
