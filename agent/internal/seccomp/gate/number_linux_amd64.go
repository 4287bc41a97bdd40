package gate

const sysSeccomp = 317 // package syscall is frozen from before it
