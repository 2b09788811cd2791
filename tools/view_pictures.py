"""Take a picture of every tab of a page that is served, with Chromium."""
import sys, time
from selenium import webdriver
from selenium.webdriver.common.by import By

url, out = sys.argv[1:3]
o = webdriver.ChromeOptions()
for a in ("--headless=new","--no-sandbox","--disable-dev-shm-usage","--window-size=1600,900","--use-gl=angle","--use-angle=swiftshader","--enable-unsafe-swiftshader","--ignore-gpu-blocklist"):
    o.add_argument(a)
o.binary_location="/usr/bin/chromium"
o.set_capability("goog:loggingPrefs", {"browser": "ALL"})
d = webdriver.Chrome(options=o, service=webdriver.ChromeService("/usr/bin/chromedriver"))
try:
    d.get(url); t=time.time()
    time.sleep(float(sys.argv[3]) if len(sys.argv)>3 else 15)
    d.save_screenshot(out+"/page.png")
    for b in d.find_elements(By.CSS_SELECTOR,"[role=tab]"):
        name=b.text; b.click(); time.sleep(3); d.save_screenshot(f"{out}/{name.lower()}.png"); print(name)
    for l in d.get_log("browser"): print(l["level"], l["message"][:300])
finally:
    d.quit()
