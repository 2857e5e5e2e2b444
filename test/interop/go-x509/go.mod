module glasskey.example/x509

go 1.22
