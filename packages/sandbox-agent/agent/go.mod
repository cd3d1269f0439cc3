module carrel-agent

go 1.19
