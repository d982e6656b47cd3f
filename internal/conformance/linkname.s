// This file is empty. Its presence lets Go files declare functions without a body, which go:linkname fills in.
