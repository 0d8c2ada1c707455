// Node handler: writes lines of many kinds, and says of each, before it writes it, what kind it is and what it reports.
// It says so to the Runtime API that runs it, at a path which Lambda has not, so that nothing of it stands in the log.

import http from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(`${process.env.NODE_PACKAGES}/package.json`)
const pino = require('pino')
const winston = require('winston')
const { Logger } = require('@aws-lambda-powertools/logger')

const MANAGED = 'AWS_LAMBDA_MAX_CONCURRENCY' in process.env
// by default it writes a moment later, when another kind of line may have been announced
const pinoLogger = pino(pino.destination({ sync: true }))
const winstonJson = winston.createLogger({
  format: winston.format.combine(winston.format.timestamp(), winston.format.errors({ stack: true }), winston.format.json()),
  transports: [new winston.transports.Console()]
})
const winstonSimple = winston.createLogger({
  format: winston.format.combine(winston.format.colorize(), winston.format.timestamp(),
    winston.format.printf(({ level, message, timestamp }) => `${timestamp} [${level}]: ${message}`)),
  transports: [new winston.transports.Console()]
})
const powertools = new Logger({ serviceName: 'orders' })

if (process.env.INIT_LINES) {
  console.log('loading the configuration')
  process.stdout.write('connecting to the database\n')
}

class StockError extends Error {
  constructor(order) {
    super(`no stock for order ${order}`)
    this.name = 'StockError'
    this.order = order
  }
}

const failure = (order) => new Error(`order ${order} cannot be placed`, { cause: new StockError(order) })

const tell = (kind, requestId, truth = {}) => new Promise((resolve, reject) => {
  const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
  const body = JSON.stringify({ kind, requestId, ...truth })
  const request = http.request({ host, port, method: 'POST', path: '/truth', agent: false,
    headers: { 'Content-Length': Buffer.byteLength(body) } }, (response) => response.resume().on('end', resolve))
  request.on('error', reject)
  request.end(body)
})

// A worker thread's streams go through the main thread: without waiting for it, a line could come after the next one's announcement.
const written = () => Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))))

const sqsEvent = (event) => ({
  Records: [{ messageId: event.foreign.id, receiptHandle: 'AQEB', body: JSON.stringify({ order: event.order }),
    attributes: { ApproximateReceiveCount: '1', AWSTraceHeader: event.foreign.header, SentTimestamp: '1700000000000' },
    messageAttributes: {}, eventSource: 'aws:sqs', eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:orders', awsRegion: 'eu-west-1' }]
})

const httpEvent = (event) => ({
  version: '2.0', routeKey: 'GET /orders', rawPath: '/orders',
  headers: { accept: '*/*', 'x-amzn-trace-id': event.foreign.header.split(';Parent')[0], 'x-forwarded-proto': 'https' },
  requestContext: { accountId: '123456789012', apiId: 'a1b2c3', requestId: 'IoDxHgyAjoEEMkA=', stage: '$default' }
})

const steps = [
  ['console.log', {}, (event) => console.log(`order ${event.order} accepted`)],
  ['console.log of several lines', {}, (event) => console.log(`order ${event.order}:\n  2 lines\n  paid`)],
  ['console.log of an object', {}, (event) => console.log({ order: event.order, error: null, errors: [] })],
  ['console.log of text and object', {}, (event) => console.log('order accepted', { order: event.order, lines: [1, 2] })],
  ['console.log of an SQS event', {}, (event) => console.log(sqsEvent(event))],
  ['console.log of an SQS event as JSON', {}, (event) => console.log(JSON.stringify(sqsEvent(event)))],
  ['console.log of an SQS event as indented JSON', {}, (event) => console.log('EVENT\n' + JSON.stringify(sqsEvent(event), null, 2))],
  ['console.info of an HTTP event', {}, (event) => console.info('event', httpEvent(event))],
  ['console.log that names a stale trace', { stale: true }, (event) => console.log(`order-${event.order} trace_id=${event.stale}`)],
  ['console.log of an object that names a stale trace', { stale: true }, (event) => console.log({ xray_trace_id: event.stale })],
  ['console.log of JSON that names a stale trace', { stale: true }, (event) => console.log(JSON.stringify({ xray_trace_id: event.stale }))],
  ['stdout, JSON that names a stale trace', { stale: true },
    (event) => process.stdout.write(JSON.stringify({ xray_trace_id: event.stale }) + '\n')],
  ['stdout, text that names a stale trace', { stale: true }, (event) => process.stdout.write(`order-${event.order} trace_id=${event.stale}\n`)],
  ['JSON that names another service\'s request id', {},
    (event) => console.log(JSON.stringify({ requestId: event.foreign.id, service: 'dynamodb', attempts: 1 }))],
  ['stdout, JSON that names another service\'s request id', {},
    (event) => process.stdout.write(JSON.stringify({ requestId: event.foreign.id, service: 'dynamodb' }) + '\n')],
  ['object that names another service\'s request id', {},
    (event) => console.log({ $metadata: { httpStatusCode: 200, requestId: event.foreign.id, attempts: 1 } })],
  ['stdout', {}, (event) => process.stdout.write(`order ${event.order} accepted\n`)],
  ['stderr', {}, (event) => process.stderr.write(`order ${event.order} accepted\n`)],
  ['console.warn', {}, (event) => console.warn(`order ${event.order}: no error yet, but slow`)],
  ['console.debug', {}, (event) => console.debug(`order ${event.order}`)],
  ['console.error', { error: true }, (event) => console.error(`order ${event.order} refused`)],
  ['console.error of an Error', { error: true, exception: true }, (event) => console.error(failure(event.order))],
  ['console.error of text and Error', { error: true, exception: true }, (event) => console.error('order failed', failure(event.order))],
  ['console.log of an Error', { error: true, exception: true }, (event) => console.log(new StockError(event.order))],
  ['console.log of a stack', { error: true, exception: true }, (event) => console.log(failure(event.order).stack)],
  ['console.error of an object with an Error', { error: true, exception: true },
    (event) => console.error({ order: event.order, error: failure(event.order) })],
  ['stack on stderr', { error: true, exception: true }, (event) => process.stderr.write(failure(event.order).stack + '\n')],
  ['pino info', {}, (event) => pinoLogger.info({ order: event.order }, 'order accepted')],
  ['pino error', { error: true }, (event) => pinoLogger.error({ order: event.order }, 'order refused')],
  ['pino error with an Error', { error: true, exception: true }, (event) => pinoLogger.error(failure(event.order), 'order failed')],
  ['pino warn with an Error', { error: true, exception: true }, (event) => pinoLogger.warn({ err: failure(event.order) }, 'order failed')],
  ['winston JSON info', {}, (event) => winstonJson.info('order accepted', { order: event.order })],
  ['winston JSON error', { error: true }, (event) => winstonJson.error('order refused', { order: event.order })],
  ['winston JSON error with an Error', { error: true, exception: true }, (event) => winstonJson.error(failure(event.order))],
  ['winston console info', {}, (event) => winstonSimple.info(`order ${event.order} accepted`)],
  ['winston console error', { error: true }, (event) => winstonSimple.error(`order ${event.order} refused`)],
  ['powertools info', {}, (event) => powertools.info('order accepted', { order: event.order })],
  ['powertools error', { error: true }, (event) => powertools.error('order refused', { order: event.order })],
  ['powertools error with an Error', { error: true, exception: true }, (event) => powertools.error('order failed', failure(event.order))],
  ['powertools of an SQS event', {}, (event) => powertools.info('event', { event: sqsEvent(event) })],
  ['harmless words', {}, (event) => console.log(`order ${event.order}: 0 errors, the last Error was retried, TypeError is handled`)],
  ['harmless answer', {}, (event) => console.log({ statusCode: 200, body: JSON.stringify({ order: event.order, error: null }) })]
]

const finish = async (event, requestId) => {
  const uncaught = { error: true, exception: true }
  switch (event.end) {
    case 'throw':
      await tell('uncaught Error', requestId, uncaught)
      throw failure(event.order)
    case 'throw of a class of its own':
      await tell('uncaught Error of a class of its own', requestId, uncaught)
      throw new StockError(event.order)
    case 'throw of a string':
      await tell('uncaught string', requestId, { error: true })
      throw `no stock for order ${event.order}` // eslint-disable-line no-throw-literal
    case 'unhandled rejection':
      await tell('unhandled rejection', requestId, uncaught)
      Promise.reject(failure(event.order))
      await new Promise((resolve) => setTimeout(resolve, 200))
      break
    case 'uncaught in a callback':
      await tell('uncaught Error in a callback', requestId, uncaught)
      setTimeout(() => { throw failure(event.order) }, 5)
      await new Promise((resolve) => setTimeout(resolve, 200))
      break
    case 'exit':
      process.exit(1)
      break
    case 'memory':
      process.kill(process.pid, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 5000))
      break
    case 'timeout':
      await new Promise((resolve) => setTimeout(resolve, 60000))
  }
  return { statusCode: 200, body: JSON.stringify({ order: event.order }) }
}

export const handler = async (event, context) => {
  powertools.addContext(context)
  for (let number = event.first; number < event.first + event.count; number++) {
    const [kind, truth, step] = steps[number % steps.length]
    if (truth.stale && (MANAGED || !event.stale)) continue
    await tell(kind, context.awsRequestId, truth)
    step(event)
    await written()
  }
  await tell('end of the handler', context.awsRequestId)
  return finish(event, context.awsRequestId)
}
