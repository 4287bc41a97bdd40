// Package wait tries until something works, and looks through logs and bodies of answers as far as they have come: what the waits
// of dockertest are made of.
//
// It touches nothing by itself: it calls the functions and reads the streams that it is given. It knows no container.
package wait
