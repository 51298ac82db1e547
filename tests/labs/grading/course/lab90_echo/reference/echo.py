def answer(question):
    return question.upper()
