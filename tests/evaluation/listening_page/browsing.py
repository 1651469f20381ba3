"""What the tests of the page in a browser share: its window, and what a listener does in it."""

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 10


def show(browser, width, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def click(element):
    element.parent.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()


def wait_for(page, condition):
    return WebDriverWait(page, SECONDS, poll_frequency=0.02).until(lambda _: condition())


def press(page, *keys):
    ActionChains(page).send_keys(*keys).perform()
