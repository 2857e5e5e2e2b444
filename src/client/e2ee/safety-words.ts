/**
 * 256 short, common words, no two of which begin with the same three letters: a listener tells them apart, and a typist
 * needs three letters. Their order is part of the format (docs/spec.md#safety-numbers).
 */
export const SAFETY_WORDS: readonly string[] = (
  'acorn agent album amber anchor ankle apple april artist aspen atlas autumn badge baker balcony banana barrel ' +
  'basket beach bench bicycle bird blanket blossom bonus border bottle branch bread bridge brown bubble bucket ' +
  'bundle butter cabin cactus camel candle carpet castle cedar cello cherry circle cliff cloud coast coffee ' +
  'comet copper coral cotton cousin cradle crown cube cup curtain daisy dance dawn delta desert diamond doctor ' +
  'dolphin dragon dream drum eagle earth echo elbow ember envelope fabric falcon farm feather fiddle finger ' +
  'fish flame forest fountain fox frame frost fruit galaxy garden gate ginger glass globe gold goose grape ' +
  'green guitar hammer harbor hazel hedge helmet hill honey iceberg igloo ink island ivory jacket jaguar jewel ' +
  'jungle kettle kitchen koala ladder lagoon lake lamp lantern laurel lemon letter library lily lion lizard ' +
  'lobster lotus magnet mango maple marble meadow melon mirror monkey moon morning mountain museum nest nickel ' +
  'north notebook oak oasis ocean olive onion orange orbit orchid otter oven owl oyster paddle palace panda ' +
  'paper parrot pebble pencil pepper piano picnic pillow pine planet plum pocket poem pond potato prairie ' +
  'pumpkin purple puzzle pyramid quartz queen quilt rabbit radio rain raven ribbon river robin rocket roof rose ' +
  'ruby saddle salmon sand saturn school seven shadow silver sister sky slipper snow soccer sofa spoon square ' +
  'stone sugar summer swan table tango taxi teapot temple tennis thunder tiger timber toast tomato tower train ' +
  'tulip tunnel turtle umbrella uncle valley vanilla velvet village violin volcano waffle wagon walnut water ' +
  'whale willow winter wizard wolf yellow yogurt zebra zinc'
).split(' ');
