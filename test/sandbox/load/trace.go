package load

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// traceHeader is the first line of a trace.
const traceHeader = "timestamp_seconds,cpu_cores,memory_bytes"

// Point is the usage from a time of the trace on.
type Point struct {
	Seconds float64 // as in the file; only differences matter
	Usage   Usage
}

// ReadTrace reads a CSV file with the header timestamp_seconds,cpu_cores,memory_bytes, in plain or gzip. The times must
// grow. Errors name the line.
func ReadTrace(file string) ([]Point, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("opening the trace: %w", err)
	}
	defer func() { _ = f.Close() }()
	points, err := parseTrace(f)
	if err != nil {
		return nil, fmt.Errorf("reading the trace %s: %w", file, err)
	}
	return points, nil
}

func parseTrace(r io.Reader) ([]Point, error) {
	buffered := bufio.NewReader(r)
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		buffered = bufio.NewReader(unpacked)
	}
	rows := csv.NewReader(buffered)
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it is empty; the first line must be %s", traceHeader)
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(header, strings.Split(traceHeader, ",")) {
		return nil, fmt.Errorf("line 1 is %q; it must be %s", strings.Join(header, ","), traceHeader)
	}
	var points []Point
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // names the line
		}
		line, _ := rows.FieldPos(0)
		p, err := parsePoint(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if len(points) > 0 && p.Seconds <= points[len(points)-1].Seconds {
			return nil, fmt.Errorf("line %d: the time does not grow", line)
		}
		points = append(points, p)
	}
	if len(points) == 0 {
		return nil, fmt.Errorf("it has no rows")
	}
	return points, nil
}

func parsePoint(row []string) (Point, error) {
	var values [3]float64
	for i, text := range row {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return Point{}, fmt.Errorf("%q is not a number of 0 or more", text)
		}
		values[i] = v
	}
	return Point{Seconds: values[0], Usage: Usage{
		MilliCPU: int64(math.Round(values[1] * 1000)), MemoryBytes: int64(math.Round(values[2])),
	}}, nil
}
