#!/usr/bin/env python3
"""run_suite.py [options] BUILD SUITE

Runs the tests that BUILD's meson project has under SUITE and counts every case: each Google Test
case, each line of a script that speaks TAP, each other program as one. Shows the output of what
failed. The last line of standard output is `SUITE passed failed skipped seconds`.

  --only NAME,..   of these tests only
  --jobs N         at once; tests that meson runs alone are run alone (default 1)
  --wrap COMMAND   put in front of each test's command
  --repeat N       run everything N times
  --label NAME     instead of SUITE in the last line
"""
import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

TAP = re.compile(r'^(not )?ok\b[ \d]*(?:- )?(.*)$', re.M)
TAP_SKIP = re.compile(r'# SKIP\b', re.I)


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--only')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--wrap', default='')
    parser.add_argument('--repeat', type=int, default=1)
    parser.add_argument('--label')
    parser.add_argument('build')
    parser.add_argument('suite')
    return parser.parse_args()


def tests_of(build, suite, only):
    text = subprocess.run(['meson', 'introspect', '--tests', build], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    chosen = [t for t in json.loads(text) if any(s.split(':')[-1] == suite for s in t['suite'])]
    if only:
        chosen = [t for t in chosen if t['name'] in only.split(',')]
    return chosen


def run(command, environment, workdir, limit):
    """Returns status (None: out of time) and output; leaves no process of the test behind."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, cwd=workdir, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
            os.killpg(process.pid, signal.SIGTERM)  # scripts clean up after themselves
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        output.seek(0)
        return status, output.read().decode('utf-8', 'replace')


def count_gtest(report):
    """Returns passed, names of failed, skipped."""
    passed, failed, skipped = 0, [], 0
    with open(report) as file:
        suites = json.load(file)['testsuites']
    for suite in suites:
        for case in suite['testsuite']:
            if case.get('failures'):
                failed.append(suite['name'] + '.' + case['name'])
            elif case.get('result') == 'SKIPPED':
                skipped += 1
            elif case.get('status') == 'RUN':
                passed += 1
    return passed, failed, skipped


def count_tap(output):
    lines = TAP.findall(output)
    failed = [name for bad, name in lines if bad]
    skipped = sum(1 for bad, name in lines if not bad and TAP_SKIP.search(name))
    return len(lines) - len(failed) - skipped, failed, skipped


def run_test(test, wrap):
    limit = test['timeout'] or None
    environment = dict(os.environ, **test['env'])
    command = shlex.split(wrap) + test['cmd']
    with tempfile.NamedTemporaryFile(suffix='.json') as report:
        gtest = test['protocol'] == 'gtest'
        if gtest:
            command = command + ['--gtest_output=json:' + report.name]
        started = time.monotonic()
        status, output = run(command, environment, test['workdir'], limit)
        seconds = time.monotonic() - started
        try:
            if gtest:
                counts = count_gtest(report.name)
            elif test['protocol'] == 'tap':
                counts = count_tap(output)
            else:
                counts = (int(status == 0), [], 0)
        except (ValueError, KeyError):  # it died before it wrote its report
            counts = (0, [], 0)
    passed, failed, skipped = counts
    if status is None:
        failed.append(f'out of time after {limit} s')
    elif status != 0 and not failed:
        failed.append(f'ended with status {status}')
    elif passed + len(failed) + skipped == 0:
        failed.append('ran no test')
    return test['name'], passed, failed, skipped, seconds, output


def show(result):
    name, passed, failed, skipped, seconds, output = result
    print(f'  {name}: {passed} passed, {len(failed)} failed, {seconds:.1f} s', flush=True)
    if failed:
        lines = output.splitlines()
        if len(lines) > 200:
            lines = lines[:40] + [f'... {len(lines) - 200} lines left out ...'] + lines[-160:]
        print('\n'.join('    | ' + line for line in lines))
        for case in failed:
            print(f'    FAILED: {name}: {case}', flush=True)


def main():
    options = arguments()
    tests = tests_of(options.build, options.suite, options.only) * options.repeat
    started = time.monotonic()
    results = []
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        together = [t for t in tests if t['is_parallel']]
        for result in pool.map(lambda test: run_test(test, options.wrap), together):
            results.append(result)
            show(result)
    for test in tests:
        if not test['is_parallel']:
            results.append(run_test(test, options.wrap))
            show(results[-1])
    passed = sum(r[1] for r in results)
    failed = sum(len(r[2]) for r in results)
    skipped = sum(r[3] for r in results)
    if not results:
        print(f'    FAILED: no test has the suite {options.suite}')
        failed = 1
    print(options.label or options.suite, passed, failed, skipped,
          f'{time.monotonic() - started:.1f}')
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
