// Package bench measures imports against a bare COPY on the same server: of files with Files,
// of topics with Kafka. What means something are the ratios; machines differ and are noisy.
package bench
