// Package names knows what containers, volumes and networks may be called, and makes ids and names for those that are
// given none.
//
// It is pure: it reads no file and knows no store. Who has a name is for the rooms that own the things to say.
package names
