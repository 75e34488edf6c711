<?php

require __DIR__ . '/sample.php';

function read(string $argument): string|int|null
{
    $value = substr($argument, 1);
    return match ($argument[0]) {
        's', 'b' => base64_decode($value, true),
        'n' => (int) $value,
        '-' => null,
    };
}

foreach (file('calls.tsv', FILE_IGNORE_NEW_LINES) as $call) {
    echo verify(...array_map('read', explode("\t", $call))) ? "accepted\n" : "refused\n";
}
